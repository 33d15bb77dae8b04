{#-
  How many values a window holds: those that entered, less those that have left before it. A value enters with a row that no row of the same value precedes
  within the window's width, and leaves with a row that none follows within it; in calendar periods and ever, with its first row there.
-#}
{% macro _distinct_value(plan, asked) -%}
    {%- set condition = _condition(plan, asked.where) -%}
    {%- set given = _column(plan, asked.column) -%}
    {%- set base = given ~ (condition or '') -%}
    {%- set value = _passing(_comparable(given, _type_of(plan, asked.column)), condition) -%}
    {%- set same = 'over (partition by ' ~ plan['keys'] | join(', ') ~ ', ' ~ value ~ ' order by _micros)' -%}
    {%- set before = _named(plan.neighbours, base ~ '_before', 'lag(_micros) ' ~ same) -%}
    {%- set bounds = asked.bounds -%}
    {%- if bounds.width -%}
        {%- set after = _named(plan.neighbours, base ~ '_after', 'lead(_micros) ' ~ same) -%}
        {%- set enters = _change_state(plan, base ~ '_enters_' ~ _window_slug(asked), value, before ~ ' is null or ' ~ before ~ ' <= _micros - ' ~ bounds.width) -%}
        {%- set leaves = _change_state(plan, base ~ '_leaves_' ~ _window_slug(asked), value, after ~ ' is null or ' ~ after ~ ' >= _micros + ' ~ bounds.width) -%}
        {%- set until = _state_at(plan, enters, bounds.until) -%}
        {%- set value = ('coalesce(' ~ until ~ ', 0)' if bounds.until.distance else until) ~ ' - coalesce(' ~ _state_at(plan, leaves, bounds.since) ~ ', 0)' -%}
        {%- do return(_named(plan.in_windows, base ~ '_distinct_' ~ _window_slug(asked), value)) -%}
    {%- elif bounds.period -%}
        {%- set period_before = _named(plan.neighbours, base ~ '_' ~ bounds.period ~ '_before', 'lag(_' ~ bounds.period ~ ') ' ~ same) -%}
        {%- set enters = _change_state(plan, base ~ '_enters_' ~ bounds.period, value, period_before ~ ' is null or ' ~ period_before ~ ' < _' ~ bounds.period) -%}
    {%- else -%}
        {%- set enters = _change_state(plan, base ~ '_enters', value, before ~ ' is null') -%}
    {%- endif -%}
    {%- do return(_in_window(plan, enters, asked)) -%}
{%- endmacro %}


{#- The number of rows with a value at which it changes whether a window holds it, to date. -#}
{% macro _change_state(plan, name, value, condition) -%}
    {%- set term -%}
        case
            when {{ value }} is not null and ({{ condition }}) then 1 else 0
        end
    {%- endset -%}
    {%- do return(_sum_state(plan, name, term)) -%}
{%- endmacro %}
