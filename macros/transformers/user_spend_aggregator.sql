{#-
        t - N days                                     t
  --------(=========================================== ]-------->  event time
          a row exactly N x 24 h old is out            every row at t is in

  The spend in the window is the spend to date at t, less the spend to date N days before t: two growing sums instead of a
  sliding one, so the time taken does not depend on how many rows a window holds.
-#}
{% macro user_spend_aggregator(relation, user_id_col, timestamp_col, amount_col, window_days=30, amount_type=none) -%}
    {%- set days = [window_days] if window_days is number else window_days -%}
    {%- set type = amount_type or column_type(relation, amount_col) -%}
    {{- adapter.dispatch('user_spend_aggregator', 'feature_platform')(
        relation, user_id_col, timestamp_col, amount_col, days, amount_types(type)
    ) -}}
{%- endmacro %}


{% macro default__user_spend_aggregator(relation, user_id_col, timestamp_col, amount_col, window_days, types) -%}
{%- set user_id = sql_identifier(user_id_col) -%}
{%- set event_time = sql_identifier(timestamp_col) -%}
with

spend_at as (
    select
        {{ user_id }},
        {{ event_time }},
        unix_micros(cast({{ event_time }} as timestamp)) as _event_micros,
        sum({{ exact_amount(amount_col, types) }}) as _spend,
        count({{ exact_amount(amount_col, types) }}) as _amounts
    from {{ relation }}
    where {{ user_id }} is not null and {{ event_time }} is not null
    group by {{ user_id }}, {{ event_time }}
),

spend_to_date as (
    select
        {{ user_id }},
        {{ event_time }},
        _event_micros,
        {{ growing_sum('coalesce(_spend, 0)', user_id, '_event_micros') }} as _spend,
        {{ growing_sum('_amounts', user_id, '_event_micros') }} as _amounts
    from spend_at
),

spend_before_window as (
    select
        *,
        {%- for days in window_days %}
        {{ latest_before('named_struct(\'spend\', _spend, \'amounts\', _amounts)', user_id, '_event_micros', days) }} as _before_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from spend_to_date
),

spend_in_window as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for days in window_days %}
        _spend - coalesce(_before_{{ days }}d.spend, 0) as _spend_{{ days }}d,
        nullif(_amounts - coalesce(_before_{{ days }}d.amounts, 0), 0) as _amounts_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from spend_before_window
),

final as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for days in window_days %}
        case
            when _amounts_{{ days }}d is not null then cast(_spend_{{ days }}d as {{ types.result }})
        end as user_{{ days }}d_total_spend,
        cast(_spend_{{ days }}d as double) / _amounts_{{ days }}d as user_{{ days }}d_avg_spend{{ ',' if not loop.last }}
        {%- endfor %}
    from spend_in_window
)

select * from final
{%- endmacro %}
