{#-
  The first or last value of a window, by its position among the values of the key in the order of time: the states `count to date` at both ends of the window
  say which positions it holds.
-#}
{% macro _ordered_value(plan, asked) -%}
    {%- set found = _positions(plan, asked, asked.column) -%}
    {%- set joined = _joined_position(plan, found.order, found.last if asked.function == 'last' else found.before ~ ' + 1') -%}
    case when {{ found.last }} > {{ found.before }} then {{ joined }}._value end
{%- endmacro %}


{#- Seconds since the first or last row of a window. -#}
{% macro _seconds_value(plan, asked) -%}
    {%- set found = _positions(plan, asked, none) -%}
    {%- set joined = _joined_position(plan, found.order, found.last if asked.function == 'seconds_since_last' else found.before ~ ' + 1') -%}
    case when {{ found.last }} > {{ found.before }} then cast({{ _from(plan, '_micros') }} - {{ joined }}._value as double) / 1000000 end
{%- endmacro %}


{#- The first or last k values of a window, oldest first. -#}
{% macro _ordered_values(plan, asked) -%}
    {%- set found = _positions(plan, asked, asked.column) -%}
    {%- set is_last = asked.function == 'last_k' -%}
    {%- set joined = _joined_position(plan, found.order, found.last if is_last else found.before ~ ' + 1') -%}
    {%- set name = ('_last_' if is_last else '_next_') ~ asked.k -%}
    {%- set frame = (asked.k - 1) ~ ' preceding and current row' if is_last else 'current row and ' ~ (asked.k - 1) ~ ' following' -%}
    {%- do plan.orders[found.order].lists.update({name: frame}) -%}
    {%- set number = 'cast(least(' ~ asked.k ~ ', ' ~ found.last ~ ' - ' ~ found.before ~ ') as int)' -%}
    {%- set list = joined ~ '.' ~ name -%}
    case
            when {{ found.last }} > {{ found.before }} then slice({{ list }}, {{ 'size(' ~ list ~ ') - ' ~ number ~ ' + 1' if is_last else '1' }}, {{ number }})
            else cast(array() as array<{{ _type_of(plan, asked.column) }}>)
        end
{%- endmacro %}


{#-
  The positions that a window holds, of the values of a column or of rows: those behind `before`, up to `last`. `order` names the values in order.
-#}
{% macro _positions(plan, asked, column) -%}
    {%- set condition = _condition(plan, asked.where) -%}
    {%- set value = _column(plan, column) if column else '_micros' -%}
    {%- set order_by = ['_micros'] -%}
    {%- for name in ([asked.order_by] if asked.order_by is string else asked.order_by or []) + [column] if name -%}
        {%- do order_by.append(_comparable(_column(plan, name), _type_of(plan, name))) -%}
    {%- endfor -%}
    {%- set tests = [condition, value ~ ' is not null' if column else none] | select | list -%}
    {%- set content = {'value': value, 'tests': tests, 'order_by': order_by | unique | list} -%}
    {%- set order = namespace(name=none) -%}
    {%- for known, each in plan.orders.items() if each.content == content -%}
        {%- set order.name = known -%}
    {%- endfor -%}
    {%- if not order.name -%}
        {%- set order.name = '_in_order_' ~ (plan.orders | length + 1) -%}
        {%- do plan.orders.update({order.name: {'content': content, 'lists': {}}}) -%}
    {%- endif -%}
    {%- set count = _counted(plan, value if column else none, condition) -%}
    {%- set slug = '_' ~ _window_slug(asked) -%}
    {%- set until = _state_at(plan, count, asked.bounds.until) -%}
    {%- set until = until if until == count else 'coalesce(' ~ until ~ ', 0)' -%}
    {%- set since = 'coalesce(' ~ _state_at(plan, count, asked.bounds.since) ~ ', 0)' if asked.bounds.since else '0' -%}
    {%- do return({
        'order': order.name,
        'last': _from(plan, _named(plan.in_windows, count ~ '_until' ~ slug, until)),
        'before': _from(plan, _named(plan.in_windows, count ~ '_since' ~ slug, since)),
    }) -%}
{%- endmacro %}


{#- The name of the values in order, joined at a position. -#}
{% macro _joined_position(plan, order, position) -%}
    {%- set name = order ~ '_at_' ~ (plan.joins | length + 1) -%}
    {%- for known, join in plan.joins.items() if join == {'order': order, 'position': position} -%}
        {%- do return(known) -%}
    {%- endfor -%}
    {%- do plan.joins.update({name: {'order': order, 'position': position}}) -%}
    {%- do return(name) -%}
{%- endmacro %}


{#- CTEs of the values in their order. -#}
{% macro _rows_in_order(plan) -%}
{%- set key = plan['keys'] | join(', ') -%}
{%- for name, order in plan.orders.items() -%}
{%- set over = 'partition by ' ~ key ~ ' order by ' ~ order.content.order_by | join(', ') -%}
{{ name }} as (
    select
        {{ key }},
        {{ order.content.value }} as _value,
        {%- for list, frame in order.lists.items() %}
        collect_list({{ order.content.value }}) over ({{ over }} rows between {{ frame }}) as {{ list }},
        {%- endfor %}
        row_number() over ({{ over }}) as _position
    from {{ plan.stage }}
    {%- if order.content.tests %}
    where {{ order.content.tests | join(' and ') }}
    {%- endif %}
),

{% endfor -%}
{%- endmacro %}


{% macro _position_joins(plan) -%}
{%- for name, join in plan.joins.items() %}
    left join {{ join.order }} as {{ name }}
        on
            {%- for key in plan['keys'] %}
            {{ _from(plan, key) }} = {{ name }}.{{ key }} and
            {%- endfor %}
            {{ join.position }} = {{ name }}._position
{%- endfor -%}
{%- endmacro %}


{#- A column of the query's last stage, where it may be joined with others. -#}
{% macro _from(plan, column) -%}
    {%- do return('windowed.' ~ column if plan.orders else column) -%}
{%- endmacro %}
