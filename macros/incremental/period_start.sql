{#- The first day of the period that a day lies in, as a date. Not with `trunc`, which Sail has for the years 1677 to 2262 only. -#}
{% macro _period_start(day, period) -%}
    {%- set expressions = {
        'day': day,
        'month': 'make_date(year(' ~ day ~ '), month(' ~ day ~ '), 1)',
        'year': 'make_date(year(' ~ day ~ '), 1, 1)',
    } -%}
    {%- if period not in expressions -%}
        {%- do exceptions.raise_compiler_error('period_start: `period` is day, month or year, given `' ~ period ~ '`') -%}
    {%- endif -%}
    {{- expressions[period] -}}
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
