{#- The statements below are the ones that `statements.py` carries out on the warehouse folder. -#}

{% macro fpspark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if language == 'python' -%}
        {{ py_write_table(compiled_code, relation) }}
    {%- elif temporary -%}
        {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
        {%- if config.get('contract', {}).enforced -%}
            {%- do get_assert_columns_equivalent(compiled_code) -%}
            {%- set compiled_code = get_select_subquery(compiled_code) -%}
        {%- endif -%}
        create or replace table {{ relation }} using delta{{ partitioned_by_clause() }} as
        {{ compiled_code }}
    {%- endif -%}
{%- endmacro %}

{% macro fpspark__create_view_as(relation, sql) -%}
    {%- if config.get('contract', {}).enforced -%}
        {%- do get_assert_columns_equivalent(sql) -%}
    {%- endif -%}
    create or replace view {{ relation }} as
    {{ sql }}
{%- endmacro %}

{% macro partition_columns() -%}
    {%- set columns = config.get('partition_by') or [] -%}
    {{ return([columns] if columns is string else columns) }}
{%- endmacro %}

{% macro partitioned_by_clause() -%}
    {%- if partition_columns() %} partitioned by (
        {%- for column in partition_columns() -%}
            {{ adapter.quote(column) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
        )
    {%- endif -%}
{%- endmacro %}

{#- One session serves all threads: two schemas may have a model of the same name at work. -#}
{% macro fpspark__make_temp_relation(base_relation, suffix) -%}
    {%- set identifier = base_relation.schema ~ '__' ~ base_relation.identifier ~ suffix -%}
    {%- set relation = base_relation.incorporate(path={'identifier': identifier}, type='view') -%}
    {{ return(relation.include(database=false, schema=false)) }}
{%- endmacro %}

{#- `create or replace view` takes the place of a table by itself, and leaves it when the view fails. -#}
{% macro fpspark__handle_existing_table(full_refresh, old_relation) -%}
{%- endmacro %}

{% macro fpspark__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
    {%- if add_columns -%}
        {%- call statement('add_columns') -%}
            alter table {{ relation }} add columns (
            {%- for column in add_columns -%}
                {{ column.quoted }} {{ column.data_type }}{{ ', ' if not loop.last }}
            {%- endfor -%}
            )
        {%- endcall -%}
    {%- endif -%}
    {%- if remove_columns -%}
        {%- set removed = remove_columns | map(attribute='name') | list -%}
        {%- set kept = adapter.get_columns_in_relation(relation) | rejectattr('name', 'in', removed) | map(attribute='quoted') -%}
        {%- do rewrite_table(relation, kept | join(', ')) -%}
    {%- endif -%}
{%- endmacro %}

{% macro fpspark__alter_column_type(relation, column_name, new_column_type) -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- if column.name == column_name -%}
            {%- do columns.append('cast(' ~ column.quoted ~ ' as ' ~ new_column_type ~ ') as ' ~ column.quoted) -%}
        {%- else -%}
            {%- do columns.append(column.quoted) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do rewrite_table(relation, columns | join(', ')) -%}
{%- endmacro %}

{% macro rewrite_table(relation, select_list) -%}
    {%- call statement('rewrite_table') -%}
        create or replace table {{ relation }} using delta{{ partitioned_by_clause() }} as
        select {{ select_list }} from {{ relation }}
    {%- endcall -%}
{%- endmacro %}

{#- Neither comments nor constraints exist on the embedded engine; dbt's own docs show the descriptions. -#}
{% macro fpspark__alter_column_comment(relation, column_dict) -%}
{%- endmacro %}

{% macro fpspark__persist_constraints(relation, model) -%}
{%- endmacro %}

{#- Neither engine clones a table without copying it: `dbt clone` makes views. -#}
{% macro fpspark__can_clone_table() -%}
    {{ return(False) }}
{%- endmacro %}

{% macro fpspark__apply_grants(relation, grant_config, should_revoke=True) -%}
    {%- if grant_config -%}
        {%- do exceptions.raise_compiler_error(
            '`grants`: a folder of tables has no users, given ' ~ grant_config | tojson
            ~ '; remove the setting, or make it for a target of Databricks only'
        ) -%}
    {%- endif -%}
{%- endmacro %}
