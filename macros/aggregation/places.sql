{#-
  States of rows that ask, at the times that their windows begin and end. A row at each such place, which counts for nobody, has the states there as any
  row has those of its own time; no frame has to search for them, and where few ask there are few of these rows.

          t - N                                 t
      ----[place]-------------------------------[asks]----->  event time

  A place is a distance before t, so that look-ups of one place share a row.
-#}
{% macro _is_placed(plan) -%}
    {#- The beginning of a calendar period is not a distance. -#}
    {%- do return(plan.asking and plan.look_ups and not plan.periods) -%}
{%- endmacro %}


{#- CTEs of the rows, and of those at the places. -#}
{% macro _placed_rows(plan) -%}
{%- do plan.update({'stage': 'placed_rows'}) -%}
{%- set distances = [] -%}
{%- for look_up in plan.look_ups.values() -%}
    {%- do distances.append('cast(' ~ _distance_of(look_up) ~ ' as bigint)') -%}
{%- endfor -%}
looking_rows as (
    select
        *,
        explode(array(
            {{ distances | unique | join(',\n            ') }}
        )) as _micros_back
    from counted_rows
    where _asks
),

placed_rows as (
    select
        *,
        cast(0 as bigint) as _micros_back
    from counted_rows
    union all
    select
        {%- for name in plan.rows %}
        {{ '_micros - _micros_back as _micros' if name == '_micros' else name }},
        {%- endfor %}
        _micros_back
    from looking_rows
),
{% endmacro %}


{#- CTE with the states at each time that is asked for, and at its places. -#}
{% macro _asked_states(plan) -%}
asked_states as (
    select
        {%- for name in _grain(plan) if name != '_micros' %}
        {{ name }},
        {%- endfor %}
        {%- for name in _read_now(plan) %}
        max(case when _micros_back = 0 then {{ name }} end) as {{ name }},
        {%- endfor %}
        {%- for name, look_up in plan.look_ups.items() %}
        {%- set is_last = loop.last %}
        {%- for state in look_up.states %}
        max(case when _micros_back = {{ _distance_of(look_up) }} then {{ state }} end) as {{ _name_at(name, look_up, state) }}{{ ',' if not (loop.last and is_last) }}
        {%- endfor %}
        {%- endfor %}
    from states_to_date
    where _asks
    group by {{ plan['keys'] | join(', ') }}, _event_time
),
{%- endmacro %}


{#- The columns that values are made of as they are at the time that is asked for. -#}
{% macro _read_now(plan) -%}
    {%- set texts = plan.in_windows.values() | join(' ') ~ (' _micros' if plan.orders else '') -%}
    {%- set names = [] -%}
    {%- for name in ['_micros'] + plan.states | list if modules.re.search('(?<![.\\w])' ~ name ~ '(?!\\w)', texts) -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    {%- do return(names) -%}
{%- endmacro %}


{#- How far back the place of a look-up is: the states there are those of all rows up to it, or behind a look-up's instant all from it on. -#}
{% macro _distance_of(look_up) -%}
    {%- do return(look_up.distance - (1 if look_up.is_after else 0)) -%}
{%- endmacro %}


{#- The column of a state that is looked up. -#}
{% macro _name_at(name, look_up, state) -%}
    {%- do return(name if look_up.states | length == 1 else name ~ state) -%}
{%- endmacro %}
