{#- A query of one row for each column that a relation lacks or has with another type than declared: column, declared, given. -#}
{% macro _wrong_types(relation, columns) -%}
    {%- set given = {} -%}
    {%- for column in (adapter.get_columns_in_relation(relation) if execute and columns else []) -%}
        {%- do given.update({column.name | lower: column.dtype | lower | replace(' ', '')}) -%}
    {%- endfor -%}
    {%- set wrong = [] -%}
    {%- for name, declared in columns.items() if execute and not _is_type(given.get(name | lower), declared) -%}
        {%- do wrong.append(
            'select ' ~ sql_literal(name) ~ ' as column_name, ' ~ sql_literal(declared) ~ ' as declared_type, '
            ~ sql_literal(given.get(name | lower, 'no such column')) ~ ' as given_type'
        ) -%}
    {%- endfor -%}
    {{- wrong | join('\nunion all\n') if wrong else "select '' as column_name, '' as declared_type, '' as given_type where 1 = 0" -}}
{%- endmacro %}


{#- Whether a column's type is the declared one; a time without a zone is one in the session's. -#}
{% macro _is_type(given, declared) -%}
    {%- set wanted = declared | lower | replace(' ', '') -%}
    {%- do return(given == wanted or (given == 'timestamp_ntz' and wanted == 'timestamp')) -%}
{%- endmacro %}
