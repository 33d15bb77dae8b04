{#-
  dbt's own, but for two cases. A test of a model that was never built, which would fail for want of a table, warns and says so. And in a run
  of `fpjob`, a test that passed before looks only at what has changed since; if that has a fault, it looks at everything, and reports
  what it finds there.
-#}
{% materialization test, default -%}
    {%- set missing = _models_not_built(model) -%}
    {%- set look = {'at': 'all'} if missing else _look_of(model, sql) -%}
    {%- if missing -%}
        {%- do exceptions.warn('test `' ~ model.name ~ '` has nothing to look at: not built yet: `' ~ missing | join('`, `') ~ '`') -%}
    {%- elif look.at == 'all' or (look.at == 'periods' and _has_faults_in(look.periods, model)) -%}
        {{ return(dbt.materialization_test_default()) }}
    {%- elif look.at == 'nothing' -%}
        {%- do _log_event('test_unchanged', {}) -%}
    {%- endif -%}
    {%- call statement('main', fetch_result=True) -%}
        select
            0 as failures,
            {{ 'true' if missing else 'false' }} as should_warn,
            false as should_error
    {%- endcall -%}
    {{ return({'relations': []}) }}
{%- endmaterialization %}


{#- The names of the models, seeds and snapshots that a node reads and that have no table or view. -#}
{% macro _models_not_built(node) -%}
    {%- set missing = [] -%}
    {%- for id in node.depends_on.nodes if id in graph.nodes and graph.nodes[id].config.materialized != 'ephemeral' -%}
        {%- set read = graph.nodes[id] -%}
        {%- if not adapter.get_relation(read.database, read.schema, read.alias) -%}
            {%- do missing.append(read.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(missing) }}
{%- endmacro %}
