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
  What a job's input is made of, and the relation that it reads (`read`). Nothing is known while dbt parses and in unit tests, where there is no
  graph, and of a job that the run does not look into.
-#}
{% macro _input_of(relation) -%}
    {%- set node = _node_of(relation) -%}
    {%- set nothing = {'columns': [], 'filters': [], 'loaded_at': none, 'read': none} -%}
    {%- if node and node.config.meta.point_in_time -%}
        {%- set question = node.config.meta.point_in_time -%}
        {%- do return(dict(nothing, columns=_point_in_time_columns(question), question=question, read=_relation_read(node), asking=_read_input(node))) -%}
    {%- elif not node or not node.config.meta.job_input -%}
        {%- do return(nothing) -%}
    {%- endif -%}
    {%- do return(dict(node.config.meta.job_input, read=_relation_read(node), relations=_relations_read(node))) -%}
{%- endmacro %}


{#- The relation that the model of an input reads: a source, or else a model that is no input itself. -#}
{% macro _relation_read(node) -%}
    {%- do return(_relations_read(node) | first) -%}
{%- endmacro %}


{#- All such relations, in the order in which the model names them. -#}
{% macro _relations_read(node) -%}
    {%- set asking, relations = _read_input(node), [] -%}
    {%- for id in node.depends_on.nodes if not asking or id != asking.unique_id -%}
        {%- set found = graph.sources[id] if id in graph.sources else graph.nodes[id] -%}
        {%- do relations.append(api.Relation.create(database=found.database, schema=found.schema, identifier=found.identifier or found.alias)) -%}
    {%- endfor -%}
    {%- do return(relations) -%}
{%- endmacro %}


{#- The first model that a model reads and that is an input. -#}
{% macro _read_input(node) -%}
    {%- for id in node.depends_on.nodes if id in graph.nodes and (graph.nodes[id].config.meta.job_input or graph.nodes[id].config.meta.point_in_time) -%}
        {%- do return(graph.nodes[id]) -%}
    {%- endfor -%}
{%- endmacro %}


{#- A query of the rows of an input, also where its view is not there yet. With `is_filtered=false`, the job's filters leave no row out. -#}
{% macro _input_rows(input, is_filtered=true) -%}
    {%- if input.scoring -%}
        {{- _scoring_query(input if is_filtered else dict(input, filters=[]), input.relations) -}}
    {%- elif not input.question -%}
        {{- _job_input_rows(input if is_filtered else dict(input, filters=[]), input.read) -}}
    {%- else -%}
        {%- set asking = _input_of({'identifier': input.asking.alias}) -%}
        {{- _point_in_time_query(input.question, '(\n' ~ _input_rows(asking) ~ '\n) as asking_rows', input.read) -}}
    {%- endif -%}
{%- endmacro %}


{#- The model of dbt's graph that builds a relation; none if there is no such model. -#}
{% macro _node_of(relation) -%}
    {%- for node in graph.get('nodes', {}).values() if node.resource_type == 'model' and node.alias == relation.identifier -%}
        {%- do return(node) -%}
    {%- endfor -%}
{%- endmacro %}
