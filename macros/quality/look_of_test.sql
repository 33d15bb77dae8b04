{#-
  What a test has to look at: `at` is `all`, `nothing`, or `periods` of a feature table. Everything, if it is not one of the platform's
  generic tests as `fpjob registry sync` writes them: conditions may name other tables, and failures that are kept are those of all rows.
-#}
{% macro _look_of(test, sql) -%}
    {%- set is_plain = test.test_metadata and not test.test_metadata.namespace and test.depends_on.nodes
        and not test.config.where and test.config.fail_calc == 'count(*)' and not should_store_failures() -%}
    {%- if not is_plain -%}
        {%- do return({'at': 'all'}) -%}
    {%- endif -%}
    {%- set look = adapter.dispatch('look_of_test')(test=test, sql=sql) -%}
    {%- do return({'at': 'all'} if look.at == 'periods' and not _is_by_period(_tested(test)) else look) -%}
{%- endmacro %}


{% macro default__look_of_test(test, sql) -%}
    {%- do return({'at': 'all'}) -%}
{%- endmacro %}


{% macro fpspark__look_of_test(test, sql) -%}
    {%- set node = _tested(test) -%}
    {%- set relation = api.Relation.create(schema=node.schema, identifier=node.identifier or node.alias) -%}
    {%- do return(adapter.look_of_test(relation, test, sql)) -%}
{%- endmacro %}


{#- The model or source that a generic test is of. -#}
{% macro _tested(test) -%}
    {%- set id = test.attached_node or test.depends_on.nodes | first -%}
    {%- do return(graph.sources[id] if id in graph.sources else graph.nodes[id]) -%}
{%- endmacro %}


{#- Whether a model is a table by periods, and each of its keys has a time. -#}
{% macro _is_by_period(node) -%}
    {%- set table = node.config.meta.feature_table or {} -%}
    {%- for feature_set in table.feature_sets or [] -%}
        {%- if (feature_set.month_key or feature_set.timestamp_col) not in feature_set['keys'] -%}
            {%- do return(false) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(table.period is not none and table.period is defined) -%}
{%- endmacro %}


{#- Whether the keys of a feature table have a fault that a change of some of its periods may have made. -#}
{% macro _has_faults_in(periods, test) -%}
    {%- set node = _tested(test) -%}
    {%- set relation = api.Relation.create(schema=node.schema, identifier=node.alias) -%}
    {%- do return(run_query(_grain_faults_in(periods, relation, node.config.meta.feature_table)).rows[0].faults > 0) -%}
{%- endmacro %}
