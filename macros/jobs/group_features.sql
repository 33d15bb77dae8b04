{#- The model of a feature group with several tables: their rows joined by the keys that they share, its features in the order of its YAML. -#}
{% macro group_features(tables, keys, features) -%}
    {{- config(materialized='view') -}}
with
{% for name, relation in tables.items() %}
{{ name }} as (
    select * from {{ relation }}
),
{% endfor %}
{%- set first = tables | first %}
final as (
    select
        {%- for key in keys %}
        {{ first }}.{{ sql_identifier(key) }},
        {%- endfor %}
        {%- for name, table in features.items() %}
        {{ table }}.{{ sql_identifier(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ first }}
    {%- for table in tables if table != first %}
    left join {{ table }}
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}{{ first }}.{{ sql_identifier(key) }} = {{ table }}.{{ sql_identifier(key) }}
            {%- endfor %}
    {%- endfor %}
)

select * from final
{%- endmacro %}
