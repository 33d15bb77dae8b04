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

    {%- set strategy = strategy_dispatch(config.get('strategy'))(
        model, 'snapshotted_data', 'source_data', model['config'], is_there
    ) -%}
    {%- if is_there -%}
        {%- do adapter.assert_valid_snapshot_target_given_strategy(target_relation, columns, strategy) -%}
        {%- set staging_relation = build_snapshot_staging_table(strategy, compiled_code, target_relation) -%}
        {%- do create_columns(target_relation, snapshot_columns(adapter.get_missing_columns(staging_relation, target_relation))) -%}
        {%- set insert_columns = snapshot_columns(adapter.get_columns_in_relation(staging_relation)) | map(attribute='quoted') -%}
        {%- set final_sql = default__snapshot_merge_sql(target_relation, staging_relation, insert_columns | list) -%}
    {%- else -%}
        {%- set final_sql = create_table_as(False, target_relation, build_snapshot_table(strategy, compiled_code)) -%}
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

{#- The columns of a snapshot's staging rows that belong to the snapshot itself. -#}
{% macro snapshot_columns(columns) -%}
    {%- set kept = [] -%}
    {%- for column in columns if column.name != 'dbt_change_type' and not column.name.startswith('dbt_unique_key') -%}
        {%- do kept.append(column) -%}
    {%- endfor -%}
    {{ return(kept) }}
{%- endmacro %}
