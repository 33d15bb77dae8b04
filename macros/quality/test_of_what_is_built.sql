{#- dbt's own, but for a test of a model that was never built, which would fail for want of a table: it warns, and says so. -#}
{% materialization test, default -%}
    {%- set missing = _models_not_built(model) -%}
    {%- if not missing -%}
        {{ return(dbt.materialization_test_default()) }}
    {%- endif -%}
    {%- do exceptions.warn('test `' ~ model.name ~ '` has nothing to look at: not built yet: `' ~ missing | join('`, `') ~ '`') -%}
    {%- call statement('main', fetch_result=True) -%}
        select
            0 as failures,
            true as should_warn,
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
