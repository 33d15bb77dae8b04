{#-
  The rows of a scoring set: each key of an entity once at each time, and nothing else.

      instants        t1        t2        t3
  --------------------|---------|---------|------->  time
      row of a key  x                                the key is active at t1 and t2, if `active_within` reaches back from there
                     [===active=====]

  Without `active_within` every key of the sources is there at all times.
-#}
{% macro scoring_rows(keys, event_time, sources, instants, active_within=none, is_open=false, filters=[]) -%}
    {%- set time, relations, columns = event_time | list | first, [], [] -%}
    {%- for name, data_type in dict(keys, **event_time).items() -%}
        {%- do columns.append({'name': name, 'type': data_type}) -%}
    {%- endfor -%}
    {%- set scoring = {
        'keys': keys, 'time': {'name': time, 'type': event_time[time]}, 'sources': [], 'instants': instants,
        'active_within': active_within, 'is_open': is_open,
    } -%}
    {%- for source in sources -%}
        {%- do relations.append(source.relation) -%}
        {%- do scoring.sources.append(_without_relation(source)) -%}
    {%- endfor -%}
    {%- set kept = {'columns': columns, 'filters': filters, 'loaded_at': none, 'scoring': scoring} -%}
    {{- config(materialized='view', meta={'job_input': kept}) -}}
    {{- _scoring_query(kept, relations) -}}
{%- endmacro %}


{#- A source as the `meta` of the model keeps it: a relation is found again in dbt's graph. -#}
{% macro _without_relation(source) -%}
    {%- set kept = {} -%}
    {%- for key, value in source.items() if key != 'relation' -%}
        {%- do kept.update({key: value}) -%}
    {%- endfor -%}
    {%- do return(kept) -%}
{%- endmacro %}


{#- The query of the rows, from the relations of the sources in their order. -#}
{% macro _scoring_query(input, relations) -%}
{%- set scoring = input.scoring -%}
{%- set key_names = _identifiers(scoring['keys']) | replace('\n        ', ' ') -%}
with

{% for relation in relations -%}
{{ _numbered_source(relations, loop.index0) }} as (
    select * from {{ relation }}
),

{% endfor -%}
{%- if scoring.active_within is none -%}
steps as (
    select explode(sequence(0, {{ scoring.instants.number - 1 }})) as _step
),

entity_keys as (
    {%- for source in scoring.sources %}
    select
        {{- ' ' if scoring['keys'] | length == 1 else '
        ' }}{{ _scored_keys(scoring, source) }}
    from {{ _numbered_source(relations, loop.index0) }}
    where {{ _has_all_keys(source) }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
),

distinct_keys as (
    select distinct * from entity_keys
),

steps_of_keys as (
    select
        distinct_keys.*,
        steps._step
    from distinct_keys
    cross join steps
),
{%- else -%}
{{ _active_steps(scoring, relations, key_names) }}
{%- endif %}

scoring_rows as (
    select
        {{ key_names }},
        {{ _instant(scoring) }} as {{ sql_identifier(scoring.time.name) }}
    from steps_of_keys
),

final as (
    select * from scoring_rows
    {%- if input.filters %}
    where
        {{ _row_filters(input.filters) }}
    {%- endif %}
)

select * from final
{%- endmacro %}


{#- CTEs up to `steps_of_keys`: the keys, and the steps of the grid at which each has a row not long before. -#}
{% macro _active_steps(scoring, relations, key_names) -%}
{%- set every = scoring.instants.every_seconds * 1000000 -%}
{%- set start, reach = _first_instant(scoring), scoring.active_within * 1000000 - (0 if scoring.is_open else 1) -%}
active_rows as (
    {%- for source in scoring.sources %}
    {%- set time = source.event_time | list | first -%}
    {%- set happened = _event_micros(sql_identifier(time), source.event_time[time]) -%}
    {%- set question = {'columns': source.event_time, 'loaded_at': source.get('loaded_at'), 'available_after': source.get('available_after')} %}
    select
        {{ _scored_keys(scoring, source) }},
        {{ happened }} as _happened,
        {{ _arrival(question, time) }} as _known
    from {{ _numbered_source(relations, loop.index0) }}
    where
        {{ _has_all_keys(source) }}
        and {{ sql_identifier(time) }} is not null
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
),

-- From microseconds to steps of the grid: the first one at which a row is known, and the last one that reaches back to it.
rounded_rows as (
    select distinct
        {{ key_names }},
        greatest(0, ({{ 'greatest(_known, _happened + 1)' if scoring.is_open else '_known' }} - {{ start }} + {{ every - 1 }}) div {{ every }}) as _first_step,
        least({{ scoring.instants.number - 1 }}, (_happened - {{ start }} + {{ reach }}) div {{ every }}) as _last_step
    from active_rows
    where _happened - {{ start }} + {{ reach }} >= 0
),

rows_with_steps as (
    select * from rounded_rows
    where _first_step <= _last_step
),

every_step as (
    select
        {{ key_names }},
        explode(sequence(_first_step, _last_step)) as _step
    from rows_with_steps
),

steps_of_keys as (
    select distinct * from every_step
),
{%- endmacro %}


{#- The name of the rows of one of the sources. -#}
{% macro _numbered_source(relations, number) -%}
    {%- do return('source_rows' if relations | length == 1 else 'source_rows_' ~ number) -%}
{%- endmacro %}


{#- The key columns of a source, under their names in the rows. -#}
{% macro _scored_keys(scoring, source) -%}
    {%- for name, data_type in scoring['keys'].items() -%}
        cast({{ sql_identifier(source['keys'][name]) }} as {{ data_type }}) as {{ sql_identifier(name) }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{% macro _has_all_keys(source) -%}
    {%- for column in source['keys'].values() -%}
        {{- '\n        and ' if not loop.first -}}{{- sql_identifier(column) }} is not null
    {%- endfor -%}
{%- endmacro %}


{#- The time of a step of the grid. -#}
{% macro _instant(scoring) -%}
    {%- if scoring.time.type == 'date' -%}
        date_add({{ sql_literal(scoring.instants.start, 'date') }}, cast(_step * {{ scoring.instants.every_seconds // 86400 }} as int))
    {%- else -%}
        timestamp_micros({{ _first_instant(scoring) }} + _step * {{ scoring.instants.every_seconds * 1000000 }})
    {%- endif -%}
{%- endmacro %}


{#- The first time, in microseconds since 1970: that of the run, where none is given. -#}
{% macro _first_instant(scoring) -%}
    {%- if scoring.time.type == 'date' -%}
        {%- do return(_event_micros(sql_literal(scoring.instants.start, 'date'), 'date')) -%}
    {%- endif -%}
    {%- set start = scoring.instants.start or (run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f') ~ '+00:00' if run_started_at else '1970-01-01 00:00:00+00:00') -%}
    {%- do return('unix_micros(' ~ sql_literal(start, 'timestamp') ~ ')') -%}
{%- endmacro %}
