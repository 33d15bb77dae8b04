{#-
  The same as `spend_in_window_by_pairs`, from one number instead of a pair, which halves the time of a look-up: the spend in units
  of its last decimal place x 10^10, plus the number of amounts. Exact while a user has fewer than 10^10 amounts.
-#}
{% macro spend_in_window_by_entries(user_id, event_time, window_days, types) -%}
entries_to_date as (
    select
        {{ user_id }},
        {{ event_time }},
        _event_micros,
        {{ growing_sum('cast(_spend * ' ~ types.unit ~ ' as decimal(28, 0)) * 10000000000 + _amounts', user_id, '_event_micros') }} as _entries
    from spend_at
),

entries_in_window as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for days in window_days %}
        _entries - coalesce({{ latest_before('_entries', user_id, '_event_micros', days) }}, 0) as _entries_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from entries_to_date
),

amounts_in_window as (
    select
        *,
        {%- for days in window_days %}
        cast(pmod(_entries_{{ days }}d, 10000000000) as bigint) as _amounts_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from entries_in_window
),

spend_in_window as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for days in window_days %}
        cast((_entries_{{ days }}d - _amounts_{{ days }}d) / {{ types.unit * 10000000000 }} as {{ types.each }}) as _spend_{{ days }}d,
        _amounts_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from amounts_in_window
)
{%- endmacro %}
