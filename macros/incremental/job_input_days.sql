{#-
  CTE `input_days` of a table's input as it is now, from one reading of the source for all tables of the job: comparing them one by one
  would read it for each.
-#}
{% macro _input_days_now(table, input_rows) -%}
input_days as (
    {%- for feature_set in table.feature_sets %}
    {%- set event_time = _day_column(table, feature_set) %}
    {%- set hashes = _job_hashes(event_time) %}
    {%- set number = hashes.index(_countable_hash(feature_set, loop.index0)) %}
    select
        _day,
        _rows_{{ number }} as _rows,
        _low_bits_{{ number }} as _low_bits,
        _high_bits_{{ number }} as _high_bits
    from {{ _computed_once(_job_input_days(input_rows, event_time, hashes)) }}
    where _rows_{{ number }} > 0
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}


{#- A query of the input by day of an event time: per hash, the number of rows that have it, and its sums. -#}
{% macro _job_input_days(input_rows, event_time, hashes) -%}
with

job_input as (
{{ input_rows | indent(4, first=true) }}
),

hashed_rows as (
    select
        {{ 'cast(' ~ sql_identifier(event_time) ~ ' as date)' if event_time else 'cast(null as date)' }} as _day,
        {%- for hash in hashes %}
        {{ hash }} as _hash_{{ loop.index0 }}{{ ',' if not loop.last }}
        {%- endfor %}
    from job_input
)

select
    _day,
    {%- for hash in hashes %}
    count(_hash_{{ loop.index0 }}) as _rows_{{ loop.index0 }},
    {{ _hash_sums('_hash_' ~ loop.index0, '_' ~ loop.index0) | trim }}{{ ',' if not loop.last }}
    {%- endfor %}
from hashed_rows
group by _day
{%- endmacro %}


{#- The hashes of all feature sets of the job that are counted by days of this event time, each once. -#}
{% macro _job_hashes(event_time) -%}
    {%- set hashes = [] -%}
    {%- for table in _tables_over(_read_input(model)) -%}
        {%- for feature_set in table.feature_sets -%}
            {%- do hashes.append(_countable_hash(feature_set, loop.index0)) if _day_column(table, feature_set) == event_time -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(hashes | unique | list) -%}
{%- endmacro %}


{#- The event time by whose days a feature set is counted; without periods any will do, or none if the job has none. -#}
{% macro _day_column(table, feature_set) -%}
    {%- if table.period -%}
        {%- do return(feature_set.timestamp_col) -%}
    {%- endif -%}
    {%- for timed in _tables_over(_read_input(model)) if timed.period and timed.feature_sets -%}
        {%- do return(timed.feature_sets[0].timestamp_col) -%}
    {%- endfor -%}
{%- endmacro %}


{#- The feature tables over an input's model, in the order of the names of their models. -#}
{% macro _tables_over(input) -%}
    {%- set tables = [] -%}
    {%- for node in graph.get('nodes', {}).values() | sort(attribute='name') -%}
        {%- if node.config.meta.feature_table and _read_input(node).unique_id == input.unique_id -%}
            {%- do tables.append(node.config.meta.feature_table) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(tables) -%}
{%- endmacro %}


{#- The hash of what a feature set reads of a row; NULL where the row does not count. -#}
{% macro _countable_hash(feature_set, number) -%}
    case when {% for key in _key_columns(feature_set) %}{{ key }} is not null{{ ' and ' if not loop.last }}{% endfor %} then {{ _row_hash(feature_set, number) }} end
{%- endmacro %}


{#- The columns without which a row does not count in a feature set. -#}
{% macro _key_columns(feature_set) -%}
    {%- set columns = [] -%}
    {%- for key in feature_set['keys'] -%}
        {%- do columns.append(sql_identifier(feature_set.timestamp_col if key == feature_set.month_key else key)) -%}
    {%- endfor -%}
    {%- do return(columns | unique | list) -%}
{%- endmacro %}


{#-
  What to select a query's rows from, where several models ask for the same: on the embedded engine the first of them computes the rows
  and the others find them in memory. Other adapters get the query itself.
-#}
{% macro _computed_once(query) -%}
    {{- adapter.dispatch('computed_once')(query=query) -}}
{%- endmacro %}


{% macro default__computed_once(query) -%}
    ({{ query }})
{%- endmacro %}


{% macro fpspark__computed_once(query) -%}
    {{- adapter.computed_once(query) -}}
{%- endmacro %}
