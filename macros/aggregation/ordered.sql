{#-
  The first or last value of a window, by its position among the key's values in the order of time: the counts to date at both ends of the window say
  which positions it holds.
-#}
{% macro _ordered_value(plan, asked) -%}
    {%- set held = _held_positions(plan, asked, asked.column) -%}
    case when {{ held.last }} > {{ held.before }} then {{ _at_position(plan, asked, held, '_value') }} end
{%- endmacro %}


{#- Seconds since the first or last row of a window. -#}
{% macro _seconds_value(plan, asked) -%}
    {%- set held = _held_positions(plan, asked, none) -%}
    case
            when {{ held.last }} > {{ held.before }}
                then cast(_micros - {{ _at_position(plan, asked, held, '_value') }} as double) / 1000000
        end
{%- endmacro %}


{#- The first or last k values of a window, oldest first. -#}
{% macro _ordered_values(plan, asked) -%}
    {%- set held = _held_positions(plan, asked, asked.column) -%}
    {%- set is_last = asked.function == 'last_k' -%}
    {%- set name = ('_last_' if is_last else '_next_') ~ asked.k -%}
    {%- set frame = (asked.k - 1) ~ ' preceding and current row' if is_last else 'current row and ' ~ (asked.k - 1) ~ ' following' -%}
    {%- do plan.orders[held.order].lists.update({name: frame}) -%}
    {%- set list = _at_position(plan, asked, held, name) -%}
    {%- set number = 'cast(least(' ~ asked.k ~ ', ' ~ held.number ~ ') as int)' -%}
    case
            when {{ held.last }} > {{ held.before }}
                then slice(
                    {{ list }},
                    {{ 'size(' ~ list ~ ') - ' ~ number ~ ' + 1' if is_last else '1' }},
                    {{ number }}
                )
            else cast(array() as array<{{ _type_of(plan, asked.column) | replace(',', ', ') }}>)
        end
{%- endmacro %}


{#-
  The positions that a window holds, of the values of a column or of rows: `number` of them, behind `before`, up to `last`. `order` names the values
  in order.
-#}
{% macro _held_positions(plan, asked, column) -%}
    {%- set condition = _condition(plan, asked.where) -%}
    {%- set value = _column(plan, column) if column else '_micros' -%}
    {%- set count = _counted(plan, value if column else none, condition) -%}
    {%- set slug = '_' ~ _window_slug(asked) -%}
    {%- set until = _state_at(plan, count, asked.bounds.until) -%}
    {%- set until = until if until == count else 'coalesce(' ~ until ~ ', 0)' -%}
    {%- set since = 'coalesce(' ~ _state_at(plan, count, asked.bounds.since) ~ ', 0)' if asked.bounds.since else '0' -%}
    {%- set last = _named(plan.in_windows, count ~ '_until' ~ slug, until) -%}
    {%- set before = _named(plan.in_windows, count ~ '_since' ~ slug, since) -%}
    {%- do return({
        'order': _order(plan, asked, column, value, condition),
        'last': last,
        'before': before,
        'number': '(' ~ last ~ ' - ' ~ before ~ ')',
    }) -%}
{%- endmacro %}


{#- The name of the values of a column, or of rows, in the order of time. -#}
{% macro _order(plan, asked, column, value, condition) -%}
    {%- set order_by = ['_micros'] -%}
    {%- for name in ([asked.order_by] if asked.order_by is string else asked.order_by or []) + [column] if name -%}
        {%- set given = _column(plan, name) -%}
        {%- set comparable = _comparable(given, _type_of(plan, name)) | trim -%}
        {#- A column of its own: Sail cannot plan an order by an expression that a condition says is 0.0. -#}
        {%- do order_by.append(given if comparable == given else _named(plan.measures, given ~ '_order', comparable)) -%}
    {%- endfor -%}
    {%- set tests = _tests_of_rows(plan, value if column else none, condition) -%}
    {%- set content = {'value': value, 'tests': tests, 'order_by': order_by | unique | list} -%}
    {%- for known, order in plan.orders.items() if order.content == content -%}
        {%- do return(known) -%}
    {%- endfor -%}
    {%- set name = value ~ '_in_order' -%}
    {%- set name = name if name not in plan.orders else name ~ '_' ~ (plan.orders | length + 1) -%}
    {%- do plan.orders.update({name: {'content': content, 'lists': {}}}) -%}
    {%- do return(name) -%}
{%- endmacro %}


{#- The name of what is joined from the values in order, at the first or last position that a window holds. -#}
{% macro _at_position(plan, asked, held, column) -%}
    {%- set position = held.last if asked.function in ['last', 'last_k', 'seconds_since_last'] else held.before ~ ' + 1' -%}
    {%- set found = namespace(join=none) -%}
    {%- for name, join in plan.joins.items() if join.order == held.order and join.position == position -%}
        {%- set found.join = name -%}
    {%- endfor -%}
    {%- if not found.join -%}
        {%- set found.join = held.order ~ '_at_' ~ (plan.joins | length + 1) -%}
        {%- do plan.joins.update({found.join: {'order': held.order, 'position': position, 'columns': []}}) -%}
    {%- endif -%}
    {%- do plan.joins[found.join]['columns'].append(column) if column not in plan.joins[found.join]['columns'] -%}
    {%- do return(found.join ~ column) -%}
{%- endmacro %}


{#- CTEs of the values in their order, and of the rows with those at the positions that windows hold. -#}
{% macro _rows_in_order(plan) -%}
{%- set key = plan['keys'] | join(', ') -%}
{%- for name, order in plan.orders.items() -%}
{%- set over = 'partition by ' ~ key ~ '\n            order by\n                ' ~ order.content.order_by | join(',\n                ') -%}
{{ name }} as (
    select
        {%- for column in plan['keys'] %}
        {{ column }},
        {%- endfor %}
        {{ order.content.value }} as _value,
        {%- for list, frame in order.lists.items() %}
        collect_list({{ order.content.value }}) over (
            {{ over }}
            rows between {{ frame }}
        ) as {{ list }},
        {%- endfor %}
        row_number() over (
            {{ over }}
        ) as _position
    from {{ plan.stage }}
    {%- if order.content.tests %}
    where {{ order.content.tests | join(' and ') }}
    {%- endif %}
),

{% endfor -%}
{%- if plan.joins -%}
positioned as (
    select
        windowed.*,
        {%- for name, join in plan.joins.items() %}
        {%- set is_last = loop.last %}
        {%- for column in join['columns'] %}
        {{ name }}.{{ column }} as {{ name }}{{ column }}{{ ',' if not (loop.last and is_last) }}
        {%- endfor %}
        {%- endfor %}
    from {{ plan.values_stage }} as windowed
    {%- for name, join in plan.joins.items() %}
    left join {{ join.order }} as {{ name }}
        on
            {%- for column in plan['keys'] %}
            {{ 'and ' if not loop.first }}windowed.{{ column }} = {{ name }}.{{ column }}
            {%- endfor %}
            and windowed.{{ join.position }} = {{ name }}._position
    {%- endfor %}
),

{% do plan.update({'values_stage': 'positioned'}) -%}
{%- endif -%}
{%- endmacro %}
