{#-
  A query of the periods in which a feature table differs from what its input asks for now: one row per period of either, with the
  number of input rows now, and `change`:

    redefined  the period was computed by another definition: other parameters, or other SQL
    new        the table lacks the period
    vanished   the input has no rows of the period any more
    changed    the input rows are not those that the period was computed from
    reached    rows of an earlier period count here, and that one has changed
    NULL       nothing

  `candidates` are the periods that may have changed, where that is known: only their rows are then read.
-#}
{% macro _changed_periods(table, input_rows, stored_relation, definition, candidates=none) -%}
with

{% if candidates is none -%}
{{ _input_days_now(table, input_rows) }},
{%- else -%}
{{ _candidate_rows(table, input_rows, candidates) }},

{{ _hashed_days(table) }},
{%- endif %}

{{ _input_periods(table, definition) }},

{% if table.period -%}
table_periods as (
    select distinct
        period_start,
        _input_fingerprint
    from {{ stored_relation }}
),

compared as (
    select
        coalesce(input_periods.period_start, table_periods.period_start) as period_start,
        coalesce(input_periods.input_rows, 0) as input_rows,
        case
            when table_periods._input_fingerprint not like '{{ definition }}:%' then 'redefined'
            {%- if candidates %}
            when not coalesce({{ _partition_predicate(candidates, 'input_periods.period_start') }}, false)
                and not coalesce({{ _partition_predicate(candidates, 'table_periods.period_start') }}, false) then null
            {%- endif %}
            when table_periods._input_fingerprint is null then 'new'
            when input_periods._input_fingerprint is null then 'vanished'
            when table_periods._input_fingerprint != input_periods._input_fingerprint then 'changed'
        end as change
    from input_periods
    full outer join table_periods
        on input_periods.period_start = table_periods.period_start
),

changed_before as (
    select
        *,
        max(case when change is not null then period_start end) over (
            order by period_start
            rows between unbounded preceding and 1 preceding
        ) as _changed_period
    from compared
),

final as (
    select
        period_start,
        input_rows,
        case
            when change is not null then change
            when {{ _reaches('_changed_period', 'period_start', table) }} then 'reached'
        end as change
    from changed_before
)

select * from final
order by period_start
{%- else -%}
table_periods as (
    select distinct _input_fingerprint from {{ stored_relation }}
),

final as (
    select
        cast(null as date) as period_start,
        input_periods.input_rows,
        case
            when table_periods._input_fingerprint is null and input_periods.input_rows > 0 then 'new'
            when table_periods._input_fingerprint not like '{{ definition }}:%' then 'redefined'
            when table_periods._input_fingerprint != input_periods._input_fingerprint then 'changed'
        end as change
    from input_periods
    left join table_periods
        on true
)

select * from final
{%- endif -%}
{%- endmacro %}


{#-
  Whether rows of a changed period count in a later one: the later one starts before the last of them has left the window. A calendar window holds
  it until its own calendar period ends, or with `previous` the next one.
-#}
{% macro _reaches(changed_period, period_start, table) -%}
    {%- if table.reach_days is none -%}
        {{ changed_period }} is not null
    {%- else -%}
        {%- set changed_end = _later_period(changed_period, table.period) -%}
        unix_micros(cast({{ period_start }} as timestamp))
                - unix_micros(cast({{ changed_end }} as timestamp)) < {{ table.reach_days * 86400000000 }}
        {%- for unit, number in table.reach_periods.items() %}
                or {{ period_start }} < {{ _later_period(_period_start('date_sub(' ~ changed_end ~ ', 1)', unit), unit, number) }}
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}


{#- CTEs with the rows of the candidate periods that each feature set reads. -#}
{% macro _candidate_rows(table, input_rows, candidates) -%}
job_input as (
{{ input_rows | indent(4, first=true) }}
)
{%- for feature_set in table.feature_sets %},

{{ _numbered('input_rows', table, loop.index0) }} as (
    {{ _rows_in_periods('job_input', feature_set.timestamp_col, candidates, dict(table, reach_days=0, reach_periods={})) }}
)
{%- endfor -%}
{%- endmacro %}
