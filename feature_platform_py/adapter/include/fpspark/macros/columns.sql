{#- dbt-spark's macro returns the rows of DESCRIBE, not columns; dbt's snapshots and packages call it. -#}
{% macro fpspark__get_columns_in_relation(relation) -%}
    {{ return(adapter.get_columns_in_relation(relation)) }}
{%- endmacro %}

{#- Spark's names have no case: of columns that differ in case only, the table's spelling counts. -#}
{% macro spelled_as_in(target_columns, columns) -%}
    {%- set spellings = {} -%}
    {%- for column in target_columns -%}
        {%- do spellings.update({column.name | lower: column.name}) -%}
    {%- endfor -%}
    {%- set spelled = [] -%}
    {%- for column in columns -%}
        {%- do spelled.append(api.Column(column=spellings.get(column.name | lower, column.name), dtype=column.dtype)) -%}
    {%- endfor -%}
    {{ return(spelled) }}
{%- endmacro %}

{#- dbt's own compares names by case, and would add a second column of the same name. -#}
{% macro fpspark__check_for_schema_changes(source_relation, target_relation) -%}
    {%- set target_columns = adapter.get_columns_in_relation(target_relation) -%}
    {%- set source_columns = spelled_as_in(target_columns, adapter.get_columns_in_relation(source_relation)) -%}
    {%- set added = diff_columns(source_columns, target_columns) -%}
    {%- set removed = diff_columns(target_columns, source_columns) -%}
    {%- set new_types = diff_column_data_types(source_columns, target_columns) -%}
    {{ return({
        'schema_changed': (added + removed + new_types) | length > 0,
        'source_not_in_target': added,
        'target_not_in_source': removed,
        'source_columns': source_columns,
        'target_columns': target_columns,
        'new_target_types': new_types,
    }) }}
{%- endmacro %}

{#- A snapshot's query with the columns spelled as its table has them, for dbt compares them by case. -#}
{% macro query_spelled_as_in(target_relation, select) -%}
    {%- set select_list = [] -%}
    {%- set given = adapter.get_column_schema_from_query(get_empty_subquery_sql(select)) -%}
    {%- for column in spelled_as_in(adapter.get_columns_in_relation(target_relation), given) -%}
        {%- do select_list.append(given[loop.index0].quoted ~ ' as ' ~ column.quoted) -%}
    {%- endfor -%}
    {{ return('select ' ~ select_list | join(', ') ~ ' from (\n' ~ select ~ '\n) as snapshotted_query') }}
{%- endmacro %}
