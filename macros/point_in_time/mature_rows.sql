{#-
  The rows of a job whose targets are all known: the newest row of each target's source lies behind the end of its window.

      t                  t + ahead        newest row
  ----|=====================]------------------|------->  event time

  Rows without a time stay, with targets of NULL.
-#}
{% macro mature_rows(input, columns, targets) -%}
    {%- set listed = [] -%}
    {%- for name, data_type in columns.items() -%}
        {%- do listed.append({'name': name, 'type': data_type}) -%}
    {%- endfor -%}
    {{- config(materialized='view', meta={'job_input': {'columns': listed, 'filters': [], 'loaded_at': none}}) -}}
with

job_rows as (
    select
        {{ _identifiers(columns) }}
    from {{ input }}
),
{% for target in targets %}
newest_{{ loop.index0 }} as (
    select coalesce(max(unix_micros(cast({{ sql_identifier(target.newest_of) }} as timestamp))), {{ _for_all() }}) as _newest
    from {{ target.relation }}
),
{% endfor %}
final as (
    select job_rows.*
    from job_rows
    {%- for target in targets %}
    cross join newest_{{ loop.index0 }}
    {%- endfor %}
    where
        {%- for target in targets %}
        {%- set time = 'job_rows.' ~ sql_identifier(target.event_time) %}
        {{ 'and ' if not loop.first }}({{ time }} is null
            or unix_micros(cast({{ time }} as timestamp)) + {{ target.ahead_seconds * 1000000 }} <= newest_{{ loop.index0 }}._newest)
        {%- endfor %}
)

select * from final
{%- endmacro %}

