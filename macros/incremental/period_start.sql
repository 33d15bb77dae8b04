{#- The first day of the period that a day lies in, as a date. Not with `trunc`, which Sail has for the years 1677 to 2262 only. -#}
{% macro _period_start(day, period) -%}
    {%- set expressions = {
        'day': day,
        'week': 'date_sub(' ~ day ~ ', pmod(unix_date(' ~ day ~ ') + 3, 7))',
        'month': 'make_date(year(' ~ day ~ '), month(' ~ day ~ '), 1)',
        'quarter': 'make_date(year(' ~ day ~ '), quarter(' ~ day ~ ') * 3 - 2, 1)',
        'year': 'make_date(year(' ~ day ~ '), 1, 1)',
    } -%}
    {%- if period not in expressions -%}
        {%- do exceptions.raise_compiler_error('period_start: `period` is day, week, month, quarter or year, given `' ~ period ~ '`') -%}
    {%- endif -%}
    {{- expressions[period] -}}
{%- endmacro %}


{#- SQL of the first day some periods later, given the first day of one. -#}
{% macro _later_period(start, period, number=1) -%}
    {%- set days = {'day': 1, 'week': 7} -%}
    {{- 'date_add(' ~ start ~ ', ' ~ days[period] * number ~ ')' if period in days
        else 'add_months(' ~ start ~ ', ' ~ {'month': 1, 'quarter': 3, 'year': 12}[period] * number ~ ')' -}}
{%- endmacro %}


{#- The first day of the calendar period that lies some periods before that of a day, as a date of Jinja's; none where the calendar has no such day. -#}
{% macro _earlier_period(day, period, number) -%}
    {%- if period in ['day', 'week'] -%}
        {%- set start = day if period == 'day' else _days_before(day, day.weekday()) -%}
        {%- do return(_days_before(start, number * (1 if period == 'day' else 7)) if start else none) -%}
    {%- endif -%}
    {%- set months = {'month': 1, 'quarter': 3, 'year': 12}[period] -%}
    {%- set month = ((day.year * 12 + day.month - 1) // months - number) * months -%}
    {%- do return(day.replace(year=month // 12, month=month % 12 + 1, day=1) if month >= 12 else none) -%}
{%- endmacro %}


{#- The first day after a period, given its own first day; none where the calendar has no such day. -#}
{% macro _period_end(start, period) -%}
    {%- if start.year >= 9999 -%}
        {%- do return(none) -%}
    {%- elif period == 'year' -%}
        {%- do return(start.replace(year=start.year + 1)) -%}
    {%- elif period == 'month' -%}
        {%- do return((start.replace(day=28) + modules.datetime.timedelta(days=4)).replace(day=1)) -%}
    {%- endif -%}
    {%- do return(start + modules.datetime.timedelta(days=1)) -%}
{%- endmacro %}
