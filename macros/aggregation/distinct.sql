{#-
  How many values a window holds: those that entered, less those that have left before it. A value enters with a row that no row of the same value precedes
  within the window's width, and leaves with a row that none follows within it; in calendar periods and ever, with its first row there.
-#}
{% macro _distinct_value(plan, asked) -%}
    {%- set condition = _condition(plan, asked.where) -%}
    {%- set given = _column(plan, asked.column) -%}
    {%- set base = given ~ (condition or '') -%}
    {%- set value = _passing(_comparable(given, _type_of(plan, asked.column)), condition) -%}
    {%- set before = _neighbour(plan, 'lag', base ~ '_before', value) -%}
    {%- set bounds = asked.bounds -%}
    {%- set name = base ~ '_enters' -%}
    {%- if bounds.width -%}
        {%- set after = _neighbour(plan, 'lead', base ~ '_after', value) -%}
        {%- set slug = _window_slug(asked) -%}
        {%- set enters = _change_state(plan, base ~ '_enters_' ~ slug, value, before, 'micros > _micros - ' ~ bounds.width) -%}
        {%- set leaves = _change_state(plan, base ~ '_leaves_' ~ slug, value, after, 'micros < _micros + ' ~ bounds.width) -%}
        {%- set entered = _state_at(plan, enters, bounds.until) -%}
        {%- set entered = 'coalesce(' ~ entered ~ ', 0)' if bounds.until.distance else entered -%}
        {%- set left = 'coalesce(' ~ _state_at(plan, leaves, bounds.since) ~ ', 0)' -%}
        {%- do return(_named(plan.in_windows, base ~ '_distinct_' ~ slug, entered ~ ' - ' ~ left)) -%}
    {%- elif bounds.period -%}
        {%- set enters = _change_state(plan, name ~ '_' ~ bounds.period, value, before, bounds.period ~ ' = _' ~ bounds.period) -%}
    {%- else -%}
        {%- set enters = _change_state(plan, name, value, before) -%}
    {%- endif -%}
    {%- do return(_in_window(plan, enters, asked)) -%}
{%- endmacro %}


{#-
  The row before or after, in the order of values and then of time. Partitions of key and value would take much longer: engines evaluate each by itself,
  and most values may be rare. One struct, because two windows of one order may be sorted twice, and ties differently.
-#}
{% macro _neighbour(plan, function, name, value) -%}
    {%- do plan.neighbours.update({name: {'function': function, 'value': value}}) -%}
    {%- do return(name) -%}
{%- endmacro %}


{#- CTE of the rows with their neighbours. -#}
{% macro _rows_with_neighbours(plan) -%}
{%- if plan.neighbours %}
rows_with_neighbours as (
    select
        *,
        {%- for name, neighbour in plan.neighbours.items() %}
        {{ neighbour.function }}(named_struct(
            'value', {{ neighbour.value }}, 'micros', _micros
            {%- for period in plan.periods %}, '{{ period }}', _{{ period }}{% endfor %}
        )) over (partition by {{ plan['keys'] | join(', ') }} order by {{ neighbour.value }}, _micros) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.stage }}
),
{% do plan.update({'stage': 'rows_with_neighbours'}) %}
{%- endif -%}
{%- endmacro %}


{#- The number of rows with a value whose neighbour is of another value, or not one for which the condition is true: there it changes whether a window holds it. -#}
{% macro _change_state(plan, name, value, neighbour, condition=none) -%}
    {%- set is_held = neighbour ~ '.value = ' ~ value ~ (' and ' ~ neighbour ~ '.' ~ condition if condition else '') -%}
    {%- set term -%}
        case
            when {{ value }} is not null and not coalesce({{ is_held }}, false)
                then 1
            else 0
        end
    {%- endset -%}
    {%- do return(_sum_state(plan, name, term)) -%}
{%- endmacro %}
