{#-
  Makes the external sources (files, paths) that the selected nodes read known to the engine as tables; `meta.locations` of a dbt
  source says where its data is on each target. An engine with a catalog of its own has the tables already.
-#}
{% macro register_sources() -%}
    {%- if execute -%}
        {{- adapter.dispatch('register_sources')(sources=_sources_of(selected_resources)) -}}
    {%- endif -%}
{%- endmacro %}


{% macro default__register_sources(sources) -%}
{%- endmacro %}


{#- A server's own catalog has its tables already; URLs get a view. -#}
{% macro spark__register_sources(sources) -%}
    {%- for source in sources -%}
        {%- set locations = source.meta.get('locations') or {} -%}
        {%- set place = locations.get(target.name) or locations.get('local') -%}
        {%- if place and '://' in place.location -%}
            {%- do run_query('create schema if not exists ' ~ sql_identifier(source.schema)) -%}
            {%- do run_query(
                'create or replace view ' ~ sql_identifier(source.schema) ~ '.' ~ sql_identifier(source.identifier)
                ~ ' as select * from ' ~ sql_identifier(place.format) ~ '.' ~ sql_identifier(place.location)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{% macro databricks__register_sources(sources) -%}
{%- endmacro %}


{% macro fpspark__register_sources(sources) -%}
    {%- for source in sources if source.meta.get('locations') -%}
        {%- set place = source.meta.locations[target.name] if target.name in source.meta.locations else source.meta.locations['local'] -%}
        {%- set columns = [] -%}
        {%- for column in source.columns.values() if column.data_type -%}
            {%- do columns.append({'name': column.name, 'type': column.data_type}) -%}
        {%- endfor -%}
        {%- do adapter.register_source(
            api.Relation.create(schema=source.schema, identifier=source.identifier),
            place.location, place.format, place.get('options', {}), columns or source.meta.get('columns', []),
            place.get('columns', [])
        ) -%}
    {%- endfor -%}
{%- endmacro %}


{#-
  The source nodes that the given nodes read, by themselves or through other nodes. The rules of a job's input may refer to further
  sources, which are no parents of the test: dbt would not run it before the models of the input then.
-#}
{% macro _sources_of(unique_ids) -%}
    {%- set visited = {} -%}
    {%- do _visit_ancestors(unique_ids, visited) -%}
    {%- for unique_id in unique_ids -%}
        {%- for reference in graph.nodes.get(unique_id, {}).get('test_metadata', {}).get('kwargs', {}).get('references', []) -%}
            {%- for holder in reference.sources -%}
                {%- do visited.update({'source.' ~ project_name ~ '.' ~ holder | join('.'): true}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- for unique_id in visited if unique_id in graph.sources -%}
        {%- do found.append(graph.sources[unique_id]) -%}
    {%- endfor -%}
    {%- do return(found) -%}
{%- endmacro %}


{#- Marks the given nodes and all that they depend on in `visited`. -#}
{% macro _visit_ancestors(unique_ids, visited) -%}
    {%- for unique_id in unique_ids if unique_id not in visited -%}
        {%- do visited.update({unique_id: true}) -%}
        {%- do _visit_ancestors(graph.nodes.get(unique_id, {}).get('depends_on', {}).get('nodes', []), visited) -%}
    {%- endfor -%}
{%- endmacro %}
