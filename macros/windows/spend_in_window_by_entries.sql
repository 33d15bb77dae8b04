{#-
  The same as `spend_in_window_by_pairs`, from one number instead of a pair, which halves the time of a look-up: the spend in units
  of its last decimal place x 10^10, plus the number of amounts. Exact while a user has fewer than 10^10 amounts.
-#}
{% macro spend_in_window_by_entries(user_id, event_time, window_days, types) -%}
entries as (
    select
        {{ user_id }},
        {{ event_time }},
        _event_micros,
        coalesce(cast(_amount * {{ types.unit }} as decimal(28, 0)) * 10000000000 + 1, 0) as _entry
    from amounts
),

entries_to_date as (
    select
        {{ user_id }},
        {{ event_time }},
        _event_micros,
        {{ next_in_order('_event_micros', user_id) }} as _next_time,
        {{ growing_sum('_entry', user_id, '_event_micros') }} as _entries
    from entries
),

entries_at as (
    select * from entries_to_date
    where {{ is_last_at_its_time('_event_micros') }}
),

entries_in_window as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for days in window_days %}
        _entries - coalesce({{ latest_before('_entries', user_id, '_event_micros', days) }}, 0) as _entries_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from entries_at
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
