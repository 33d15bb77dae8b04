{#-
  The model of a job's source rows: a view with typed columns and filtered rows, nothing else changed. What it is made of is kept in the
  model's `meta`, where the job's feature tables find it.
-#}
{% macro job_input(relation, columns, filters=[], loaded_at=none) -%}
    {%- set listed = [] -%}
    {%- for name, data_type in columns.items() -%}
        {%- do listed.append({'name': name, 'type': data_type}) -%}
    {%- endfor -%}
    {%- set kept = {'columns': listed, 'filters': filters, 'loaded_at': loaded_at} -%}
    {{- config(materialized='view', meta={'job_input': kept}) -}}
    {{- _job_input_rows(kept, relation) -}}
{%- endmacro %}


{#-
  What a job's input is made of, and the names of its `source`. Nothing is known while dbt parses and in unit tests, where there is no
  graph, and of a job that the run does not look into.
-#}
{% macro _input_of(relation) -%}
    {%- set node = _node_of(relation) -%}
    {%- if not node or not node.config.meta.job_input -%}
        {%- do return({'columns': [], 'filters': [], 'loaded_at': none, 'source': none}) -%}
    {%- endif -%}
    {%- set source_id = node.depends_on.nodes | select('in', graph.sources) | first -%}
    {%- set found = graph.sources[source_id] -%}
    {%- do return(dict(node.config.meta.job_input, source=[found.source_name, found.name])) -%}
{%- endmacro %}


{#- The model of dbt's graph that builds a relation; none if there is no such model. -#}
{% macro _node_of(relation) -%}
    {%- for node in graph.get('nodes', {}).values() if node.resource_type == 'model' and node.alias == relation.identifier -%}
        {%- do return(node) -%}
    {%- endfor -%}
{%- endmacro %}
