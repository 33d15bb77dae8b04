{#- A column name as SQL: in backticks, with the backticks in it doubled. -#}
{% macro sql_identifier(name) -%}
    {{- '`' ~ (name | replace('`', '``')) ~ '`' -}}
{%- endmacro %}


{#- Several column names, each quoted, comma-separated. -#}
{% macro sql_identifiers(names) -%}
    {%- for name in names -%}
        {{- sql_identifier(name) -}}{{- ', ' if not loop.last -}}
    {%- endfor -%}
{%- endmacro %}
