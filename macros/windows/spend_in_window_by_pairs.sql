{#- Spend and number of amounts per window, from (spend, amounts) to date now and at the window's start. -#}
{% macro spend_in_window_by_pairs(user_id, event_time, window_days) -%}
spend as (
    select
        {{ user_id }},
        {{ event_time }},
        _event_micros,
        coalesce(_amount, 0) as _spend,
        case when _amount is null then 0 else 1 end as _amounts
    from amounts
),

spend_to_date as (
    select
        {{ user_id }},
        {{ event_time }},
        _event_micros,
        {{ next_in_order('_event_micros', user_id) }} as _next_time,
        {{ growing_sum('_spend', user_id, '_event_micros') }} as _spend,
        {{ growing_sum('_amounts', user_id, '_event_micros') }} as _amounts
    from spend
),

spend_at as (
    select * from spend_to_date
    where {{ is_last_at_its_time('_event_micros') }}
),

spend_before_window as (
    select
        *,
        {%- for days in window_days %}
        {{ latest_before('named_struct(\'spend\', _spend, \'amounts\', _amounts)', user_id, '_event_micros', days) }} as _before_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from spend_at
),

spend_in_window as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for days in window_days %}
        _spend - coalesce(_before_{{ days }}d.spend, 0) as _spend_{{ days }}d,
        _amounts - coalesce(_before_{{ days }}d.amounts, 0) as _amounts_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from spend_before_window
)
{%- endmacro %}
