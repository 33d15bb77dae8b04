{#-
  The rows of a job, each in its part by time, without those from which a later part can be seen:

      train                    valid                    test
  ------------------(~~~~~~~~~|--------------(~~~~~~~~~|------->  event time
                     left out                 left out

  A row stays if its time and `reach_seconds` after it lie before the next part. Rows without a time stay, in no part.
-#}
{% macro split_rows(input, columns, event_time, parts, reach_seconds=0) -%}
    {%- set listed, time = [], event_time | list | first -%}
    {%- for name, data_type in columns.items() -%}
        {%- do listed.append({'name': name, 'type': data_type}) -%}
    {%- endfor -%}
    {{- config(materialized='view', meta={'job_input': {'columns': listed, 'filters': [], 'loaded_at': none}}) -}}
    {%- set micros = _event_micros('job_rows.' ~ sql_identifier(time), event_time[time]) -%}
with

job_rows as (
    select
        {{ _identifiers(columns) }}
    from {{ input }}
),

boundaries as (
    select
        {%- for part in parts if part.end %}
        {{ _boundary(part.end) }} as {{ parts[loop.index].name }}_from{{ ',' if not loop.last }}
        {%- endfor %}
),

final as (
    select
        job_rows.*,
        case
            {%- for part in parts[1:] %}
            when {{ micros }} < boundaries.{{ part.name }}_from then {{ sql_literal(parts[loop.index0].name) }}
            {%- endfor %}
            when {{ micros }} is not null then {{ sql_literal((parts | last).name) }}
        end as split
    from job_rows
    cross join boundaries
    where
        {{ micros }} is null
        or (
            {%- for part in parts[1:] %}
            {{ 'and ' if not loop.first }}({{ micros }} >= boundaries.{{ part.name }}_from
                or {{ micros }} + {{ reach_seconds * 1000000 }} < boundaries.{{ part.name }}_from)
            {%- endfor %}
        )
)

select * from final
{%- endmacro %}


{#- A day, or a time with its zone, in microseconds since 1970. -#}
{% macro _boundary(time) -%}
    {%- set data_type = 'date' if time | length == 10 else 'timestamp' -%}
    {%- set literal = sql_literal(time, data_type) -%}
    {{- _event_micros(literal, 'date') if data_type == 'date' else 'unix_micros(' ~ literal ~ ')' -}}
{%- endmacro %}
