{#- CTE of the rows that count: those with keys and a time. -#}
{% macro _counted_rows(plan) -%}
{%- do plan.update({'stage': 'counted_rows'}) -%}
counted_rows as (
    select
        {%- for name, sql in plan.rows.items() %}
        {{ sql }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.relation }}
    where
        {%- for column in plan.key_columns + ([plan.event_time] if plan.event_time else []) %}
        {{ 'and ' if not loop.first }}{{ column }} is not null
        {%- endfor %}
)
{%- endmacro %}


{#- CTEs of further columns of the rows, each only where something needs it. -#}
{% macro _measured_rows(plan) -%}
{%- if plan.periods %}
dated_rows as (
    select
        *,
        {%- for period in plan.periods %}
        {{ _period_number(period) }} as _{{ period }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.stage }}
),
{% do plan.update({'stage': 'dated_rows'}) %}
{%- endif -%}
{{- _exact_numbers(plan) -}}
{{- _rows_with_neighbours(plan) -}}
{%- if plan.measures %}
measured_rows as (
    select
        *,
        {%- for name, sql in plan.measures.items() %}
        {{ sql }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.stage }}
),
{% do plan.update({'stage': 'measured_rows'}) %}
{%- endif -%}
{%- endmacro %}


{#- The columns that place a row: its key, its time, its calendar periods, and whether it only asks. -#}
{% macro _places(plan) -%}
    {%- set periods = [] -%}
    {%- for period in plan.periods -%}
        {%- do periods.append('_' ~ period) -%}
    {%- endfor -%}
    {%- set asks = ['_asks'] + (['_micros_back'] if _is_placed(plan) else []) if plan.asking else [] -%}
    {%- do return(plan['keys'] + (['_event_time', '_micros'] if plan.event_time else []) + periods + asks) -%}
{%- endmacro %}


{#- CTEs from `terms` to one row per key and instant with the states to date and those that are looked up. -#}
{% macro _states_to_date(plan) -%}
{%- set key = plan['keys'] | join(', ') -%}
{%- set stage = 'asked_states' if _is_placed(plan) else 'looked_up' if plan.look_ups else 'instants' -%}
{%- do plan.update({'states_stage': stage}) -%}
{#- Of the rows at one instant, those that ask are the last. -#}
{%- set in_order = '_micros, _asks' if plan.asking else '_micros' -%}
{#- Engines sort once for these states and for `next_in_order` only where nothing between them has another order; so the other states are the last. -#}
{%- set columns = _places(plan) -%}
{%- for period in plan.periods -%}
    {%- do columns.append(_next_in_order('_' ~ period, key, in_order) ~ ' as _next_' ~ period) -%}
{%- endfor -%}
{%- for name, state in plan.states.items() if state.is_in_order -%}
    {%- do columns.append(_growing(state.of_all, key, in_order) ~ ' as ' ~ name) -%}
{%- endfor -%}
{%- do columns.append(_next_in_order('_micros', key, in_order) ~ ' as _next_time') if stage != 'asked_states' -%}
{%- for name, state in plan.states.items() if not state.is_in_order -%}
    {%- do columns.append(state.to_date ~ (' as ' ~ name if state.to_date != name else '')) -%}
{%- endfor -%}
states_to_date as (
    select
        {%- for column in columns %}
        {{ column | trim }}{{ ',' if not loop.last }}
        {%- endfor %}
    from terms
),
{% if stage == 'asked_states' %}
{{ _asked_states(plan) }}
{%- else %}
instants as (
    select * from states_to_date
    where {{ _is_last_at_its_time('_micros') }}
),
{%- endif %}
{%- if stage == 'looked_up' %}

looked_up as (
    select
        *,
        {%- for name, look_up in plan.look_ups.items() %}
        {{ _look_up(look_up, key) }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from instants
),
{%- endif -%}
{%- endmacro %}


{#-
  States at the latest instant that is a distance back, or with `is_after` at the first one behind that: NULL if the key has no such instant. The frames
  are over whole numbers, which the engines search faster than intervals, and which mean the same on every engine.
-#}
{% macro _look_up(look_up, key) -%}
    {%- set fields = [] -%}
    {%- for state in look_up.states -%}
        {%- do fields.append("'" ~ state ~ "', " ~ state) -%}
    {%- endfor -%}
    {%- set is_single = look_up.states | length == 1 -%}
    {%- set states = look_up.states[0] if is_single else 'named_struct(\n                ' ~ fields | join(',\n                ') ~ '\n            )' -%}
    {%- if look_up.is_after -%}
        last_value({{ states }}) over (
            partition by {{ key }} order by _micros desc
            range between unbounded preceding and {{ _frame_end(1 - look_up.distance) }}
        )
    {%- elif look_up.axis == '_micros' -%}
        last_value({{ states }}) over (
            partition by {{ key }} order by _micros
            range between unbounded preceding and {{ _frame_end(look_up.distance) }}
        )
    {%- else -%}
        last_value(
            case when _next{{ look_up.axis }} is null or _next{{ look_up.axis }} > {{ look_up.axis }} then {{ states }} end
        ) ignore nulls over (
            partition by {{ key }} order by {{ look_up.axis }}
            range between unbounded preceding and {{ look_up.distance }} preceding
        )
    {%- endif -%}
{%- endmacro %}


{#- The end of a frame, a distance back. -#}
{% macro _frame_end(distance) -%}
    {{- distance ~ ' preceding' if distance > 0 else -distance ~ ' following' -}}
{%- endmacro %}
