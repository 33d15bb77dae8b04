{#-
  Every value of the input can be read as its column's type: all of them are read here, before any feature table is built. And every event
  time lies in the calendar.
-#}
{% test values_parse(model) %}
{%- set columns = _input_of(model).columns -%}
{%- set node = _node_of(model) -%}
{%- set times = _event_times(columns, node) if node else [] -%}
with

counted as (
    select
        {%- for time in times %}
        count(case when {{ _is_outside_calendar(sql_identifier(time.name), time.type) }} then 1 end) as outside_{{ loop.index0 }},
        {%- endfor %}
        {%- for column in columns %}
        count({{ sql_identifier(column.name) }}){{ ' +' if not loop.last }}
        {%- endfor %} as non_null_values
    from {{ model }}
)
{% if times %}
{%- for time in times %}
select
    {{ sql_literal('event time `' ~ time.name ~ '` lies outside of the years 1 to 9999; correct it, or leave such rows out with a filter of the job') }} as rule,
    outside_{{ loop.index0 }} as row_count
from counted
where outside_{{ loop.index0 }} > 0 or non_null_values < 0
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- else %}
select * from counted
where non_null_values < 0
{%- endif %}
{% endtest %}
