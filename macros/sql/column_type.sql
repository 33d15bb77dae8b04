{#- The data type of a column of a relation that exists, as the engine names it; any placeholder while dbt parses. -#}
{% macro _column_type(relation, column_name) -%}
    {%- if not execute -%}
        {%- do return('decimal(38, 2)') -%}
    {%- endif -%}
    {%- set columns = adapter.get_columns_in_relation(relation) -%}
    {%- for column in columns if column.name | lower == column_name | lower -%}
        {%- do return(column.dtype) -%}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error(
        relation ~ ': column `' ~ column_name ~ '` is missing. Its columns: ' ~ columns | map(attribute='name') | join(', ')
    ) -%}
{%- endmacro %}
