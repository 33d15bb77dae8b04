{#-
  The rows of a relation whose event time lies in one of the periods, or before one, as far back as rows count there; with `reach_days` none,
  all rows up to the end of the last one. `periods` are the first days of periods, in order.

      reach                period
  ---[----------------====================)-------->  event time

  One day more is read than asked for, because a day of a session's time zone may have 25 hours.
-#}
{% macro _rows_in_periods(relation, event_time, periods, table, columns='*') -%}
    select {{ columns }} from {{ relation }}
    where
        {{ _is_in_periods(event_time, periods, table) }}
{%- endmacro %}


{#- The condition for that. -#}
{% macro _is_in_periods(event_time, periods, table) -%}
    {%- set ranges = [] -%}
    {%- for start in periods -%}
        {%- set end = _period_end(start, table.period) -%}
        {%- set begin = _first_day_read(start, table) -%}
        {%- if ranges and (begin is none or ranges[-1].end is none or begin <= ranges[-1].end) -%}
            {%- do ranges[-1].update({'end': end}) -%}
        {%- else -%}
            {%- do ranges.append({'begin': begin, 'end': end}) -%}
        {%- endif -%}
    {%- endfor -%}
    {#- Sail compares a timestamp with a date by nanoseconds, which end in the year 2262. -#}
    {%- set column = 'cast(' ~ sql_identifier(event_time) ~ ' as timestamp)' -%}
    {%- set conditions = [] -%}
    {%- for range in ranges -%}
        {%- set begins = column ~ " >= timestamp '" ~ range.begin ~ "'" if range.begin else none -%}
        {%- set ends = column ~ " < timestamp '" ~ range.end ~ "'" if range.end else none -%}
        {%- do conditions.append([begins, ends] | select | join(' and ') or 'true') -%}
    {%- endfor -%}
    {{- conditions | join('\n        or ') -}}
{%- endmacro %}


{#- The first day whose rows may count in a period; none for all days. -#}
{% macro _first_day_read(start, table) -%}
    {%- if table.reach_days is none -%}
        {%- do return(none) -%}
    {%- endif -%}
    {%- set days = [_days_before(start, table.reach_days + 1 if table.reach_days else 0)] -%}
    {%- for unit, number in table.reach_periods.items() -%}
        {%- do days.append(_earlier_period(start, unit, number - 1)) -%}
    {%- endfor -%}
    {%- do return(none if none in days else days | min) -%}
{%- endmacro %}


{#- A day some days earlier; none where the calendar has no such day. -#}
{% macro _days_before(day, number) -%}
    {%- do return(none if number >= day.toordinal() else day - modules.datetime.timedelta(days=number)) -%}
{%- endmacro %}
