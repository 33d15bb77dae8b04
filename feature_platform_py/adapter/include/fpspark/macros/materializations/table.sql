{% materialization table, adapter='fpspark', supported_languages=['sql', 'python'] %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set grant_config = config.get('grants') -%}
    {%- set language = model['language'] -%}

    {{ run_hooks(pre_hooks) }}

    {%- call statement('main', language=language) -%}
        {{- create_table_as(False, target_relation, compiled_code, language) -}}
    {%- endcall -%}

    {%- do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode=True)) -%}
    {%- do persist_docs(target_relation, model) -%}

    {{ run_hooks(post_hooks) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- The code starts on a line of its own: what calls this macro indents its first line. -#}
{% macro py_write_table(compiled_code, target_relation) %}
{{ compiled_code }}

# What `model` returns becomes the table.
write_table(
    model(dbtObj(spark.table), spark),
    {{ target_relation.schema | tojson }},
    {{ target_relation.identifier | tojson }},
    {{ partition_columns() | tojson }},
)
{%- endmacro %}

{% macro py_script_comment() -%}
# In a notebook: from feature_platform_py.warehouse.session import open_session
#                spark = open_session("sail", "<warehouse folder>"); model(dbtObj(spark.table), spark)
{%- endmacro %}
