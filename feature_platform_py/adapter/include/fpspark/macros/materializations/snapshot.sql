{#- dbt's own snapshot in short: dbt-spark's wants every snapshot to say that it is Delta, which all tables are here. -#}
{% materialization snapshot, adapter='fpspark' %}
    {%- set is_there, target_relation = get_or_create_relation(
        database=none, schema=model.schema, identifier=model.get('alias', model.name), type='table'
    ) -%}
    {%- set grant_config = config.get('grants') -%}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- if not target_relation.is_table -%}
        {%- do exceptions.relation_wrong_type(target_relation, 'table') -%}
    {%- endif -%}

    {{ run_hooks(pre_hooks) }}

    {%- set query = query_spelled_as_in(target_relation, compiled_code) if is_there else compiled_code -%}
    {%- set strategy = strategy_dispatch(config.get('strategy'))(
        dict(model, compiled_code=query), 'snapshotted_data', 'source_data', model['config'], is_there
    ) -%}
    {%- if is_there -%}
        {#- dbt looks for the names in lower case. -#}
        {%- set lower_columns = dict(zip(columns.keys(), columns.values() | map('lower'))) -%}
        {%- do adapter.assert_valid_snapshot_target_given_strategy(target_relation, lower_columns, strategy) -%}
        {%- set staging_relation = build_snapshot_staging_table(strategy, query, target_relation) -%}
        {%- do create_columns(target_relation, snapshot_columns(adapter.get_missing_columns(staging_relation, target_relation))) -%}
        {%- set insert_columns = snapshot_columns(adapter.get_columns_in_relation(staging_relation)) | map(attribute='quoted') -%}
        {%- set final_sql = snapshot_merge_sql(target_relation, staging_relation, insert_columns | list) -%}
    {%- else -%}
        {%- set final_sql = create_table_as(False, target_relation, build_snapshot_table(strategy, query)) -%}
    {%- endif -%}

    {%- call statement('main') -%}
        {{ final_sql }}
    {%- endcall -%}

    {%- do apply_grants(target_relation, grant_config, should_revoke(is_there, full_refresh_mode=False)) -%}
    {%- do persist_docs(target_relation, model) -%}
    {%- if staging_relation is defined -%}
        {%- call statement('drop_staging_relation') -%}
            drop view if exists {{ staging_relation }}
        {%- endcall -%}
    {%- endif -%}

    {{ run_hooks(post_hooks) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- Explicit columns: dbt-spark's `insert *` wants the staging rows to have the table's columns and no others. -#}
{% macro fpspark__snapshot_merge_sql(target, source, insert_cols) -%}
    {{ return(default__snapshot_merge_sql(target, source, insert_cols)) }}
{%- endmacro %}

{#- The columns of a snapshot's staging rows that belong to the snapshot itself. -#}
{% macro snapshot_columns(columns) -%}
    {%- set kept = [] -%}
    {%- for column in columns if column.name != 'dbt_change_type' and not column.name.startswith('dbt_unique_key') -%}
        {%- do kept.append(column) -%}
    {%- endfor -%}
    {{ return(kept) }}
{%- endmacro %}

{#- Of a check strategy: whether a checked column is new, and those that the table has. dbt's own compares them by case. -#}
{% macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
    {%- if not target_exists -%}
        {{ return((false, [])) }}
    {%- endif -%}
    {%- if check_cols_config != 'all' and not (check_cols_config is iterable and check_cols_config | length > 0) -%}
        {%- do exceptions.raise_compiler_error("Invalid value for 'check_cols': " ~ check_cols_config) -%}
    {%- endif -%}
    {%- set checked = '*' if check_cols_config == 'all' else check_cols_config | join(', ') -%}
    {%- set query = 'select ' ~ checked ~ ' from (\n' ~ node['compiled_code'] ~ '\n) as checked' -%}
    {%- set there = adapter.get_columns_in_relation(adapter.get_relation(node.database, node.schema, node.alias)) -%}
    {%- set columns = spelled_as_in(there, adapter.get_column_schema_from_query(get_empty_subquery_sql(query))) -%}
    {%- set known = columns | selectattr('name', 'in', there | map(attribute='name') | list) | map(attribute='quoted') | list -%}
    {{ return((known | length < columns | length, known)) }}
{%- endmacro %}
