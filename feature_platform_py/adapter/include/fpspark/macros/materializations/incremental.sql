{% materialization incremental, adapter='fpspark', supported_languages=['sql', 'python'] %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set grant_config = config.get('grants') -%}
    {%- set language = model['language'] -%}
    {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
    {%- set strategy_sql = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') -%}
    {%- set is_rebuild = existing_relation is none or existing_relation.is_view or should_full_refresh() -%}

    {{ run_hooks(pre_hooks) }}

    {%- if is_rebuild -%}
        {%- call statement('main', language=language) -%}
            {{- create_table_as(False, target_relation, compiled_code, language) -}}
        {%- endcall -%}
    {%- else -%}
        {%- set temp_relation = make_temp_relation(target_relation) -%}
        {%- if language == 'python' -%}
            {#- A Python model ends in a write, so what it returns is a table for a while. -#}
            {%- set temp_relation = target_relation.incorporate(path={'identifier': this.identifier ~ '__dbt_tmp'}) -%}
        {%- endif -%}
        {%- call statement('create_temp_relation', language=language) -%}
            {{- create_table_as(True, temp_relation, compiled_code, language) -}}
        {%- endcall -%}
        {%- set dest_columns = process_schema_changes(on_schema_change, temp_relation, existing_relation)
            or adapter.get_columns_in_relation(existing_relation) -%}
        {%- call statement('main') -%}
            {{ strategy_sql({
                'target_relation': target_relation,
                'temp_relation': temp_relation,
                'unique_key': config.get('unique_key'),
                'dest_columns': dest_columns,
                'incremental_predicates': config.get('predicates') or config.get('incremental_predicates'),
            }) }}
        {%- endcall -%}
        {%- call statement('drop_temp_relation') -%}
            drop {{ temp_relation.type }} if exists {{ temp_relation }}
        {%- endcall -%}
    {%- endif -%}

    {%- do apply_grants(target_relation, grant_config, should_revoke(existing_relation, is_rebuild)) -%}
    {%- do persist_docs(target_relation, model) -%}

    {{ run_hooks(post_hooks) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- As on Databricks: a model with a key and without a strategy merges. -#}
{% macro fpspark__get_incremental_default_sql(arg_dict) -%}
    {{ return(get_incremental_merge_sql(arg_dict) if arg_dict['unique_key'] else get_incremental_append_sql(arg_dict)) }}
{%- endmacro %}

{% macro fpspark__get_incremental_append_sql(arg_dict) -%}
    insert into {{ arg_dict['target_relation'] }}
    select {{ every_column(arg_dict['target_relation'], arg_dict['dest_columns']) }}
    from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{#- By position, every column of the table: Sail wants them all, and drops what it cannot place by name. -#}
{% macro every_column(target, given_columns) -%}
    {%- set given = given_columns | map(attribute='name') | list -%}
    {%- for column in adapter.get_columns_in_relation(target) -%}
        {{ column.quoted if column.name in given else 'cast(null as ' ~ column.dtype ~ ') as ' ~ column.quoted }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- Explicit columns: what a model selects beyond the target's columns is left out, as on other databases. -#}
{% macro fpspark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {{ return(default__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates)) }}
{%- endmacro %}

{% macro fpspark__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) -%}
    {{ return(default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns)) }}
{%- endmacro %}

{#- One commit, which rewrites the table: a delete and then an insert would read `this` in between. -#}
{% macro fpspark__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | join(', ') -%}
    {%- set keys = [unique_key] if unique_key is string else (unique_key or []) -%}
    create or replace table {{ target }} using delta{{ partitioned_by_clause() }} as
    {%- if keys %}
    select {{ columns }} from {{ target }} as DBT_INTERNAL_DEST
    where not exists (
        select 1 from {{ source }} as DBT_INTERNAL_SOURCE
        where {% for key in keys -%}
            DBT_INTERNAL_SOURCE.{{ key }} = DBT_INTERNAL_DEST.{{ key }}{{ ' and ' if not loop.last }}
        {%- endfor -%}
        {%- for predicate in incremental_predicates or [] %} and {{ predicate }}{% endfor %}
    )
    {%- else %}
    select {{ columns }} from {{ target }}
    {%- endif %}
    union all
    select {{ every_column(target, dest_columns) }} from {{ source }}
{%- endmacro %}

{#- One commit that replaces the rows of the batch's time, as on Databricks. -#}
{% macro fpspark__get_incremental_microbatch_sql(arg_dict) -%}
    {%- set event_time = adapter.quote(config.get('event_time')) -%}
    insert into {{ arg_dict['target_relation'] }}
    replace where {{ event_time }} >= timestamp'{{ model.batch.event_time_start.strftime('%Y-%m-%d %H:%M:%S') }}'
        and {{ event_time }} < timestamp'{{ model.batch.event_time_end.strftime('%Y-%m-%d %H:%M:%S') }}'
    select {{ every_column(arg_dict['target_relation'], arg_dict['dest_columns']) }}
    from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
