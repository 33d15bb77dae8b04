{#- A seed is one atomic write, made where dbt would create or empty the table; no rows are inserted after that. -#}
{% macro fpspark__create_csv_table(model, agate_table) -%}
    {%- set overrides = model['config'].get('column_types', {}) -%}
    {%- set types = {} -%}
    {%- for name in agate_table.column_names -%}
        {%- do types.update({name: overrides.get(name, adapter.convert_type(agate_table, loop.index0))}) -%}
    {%- endfor -%}
    {%- do adapter.load_seed(this, agate_table, types) -%}
    {{ return('-- columns: ' ~ types) }}
{%- endmacro %}

{% macro fpspark__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {{ return(create_csv_table(model, agate_table)) }}
{%- endmacro %}

{% macro fpspark__load_csv_rows(model, agate_table) -%}
    {{ return('-- rows: ' ~ agate_table.rows | length) }}
{%- endmacro %}
