{#-
        t - N days                                     t
  --------(=========================================== ]-------->  event time
          a row exactly N x 24 h old is out            every row at t is in

  The spend in the window is the spend to date at t, less the spend to date N days before t: two growing sums instead of a
  sliding one, so the time taken does not depend on how many rows a window holds.
-#}
{% macro user_spend_aggregator(
    relation, user_id_col, timestamp_col, amount_col, window_days=30, amount_type=none, timestamp_type=none
) -%}
    {%- set days = [window_days] if window_days is number else window_days -%}
    {%- set types = dict(
        amount_types(amount_type or column_type(relation, amount_col)),
        event_time=timestamp_type or column_type(relation, timestamp_col)
    ) -%}
    {{- adapter.dispatch('user_spend_aggregator', 'feature_platform')(
        relation, user_id_col, timestamp_col, amount_col, days, types
    ) -}}
{%- endmacro %}


{% macro default__user_spend_aggregator(relation, user_id_col, timestamp_col, amount_col, window_days, types) -%}
{%- set user_id = sql_identifier(user_id_col) -%}
{%- set event_time = sql_identifier(timestamp_col) -%}
with

amounts as (
    select
        {{ user_id }},
        {{ event_time }},
        {{ exact_amount(amount_col, types) }} as _amount,
        {{ event_micros(event_time, types.event_time) }} as _event_micros
    from {{ relation }}
    where {{ user_id }} is not null and {{ event_time }} is not null
),

{% if types.unit -%}
{{ spend_in_window_by_entries(user_id, event_time, window_days, types) }}
{%- else -%}
{{ spend_in_window_by_pairs(user_id, event_time, window_days) }}
{%- endif %},

final as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for days in window_days %}
        case
            when _amounts_{{ days }}d > 0 then cast(_spend_{{ days }}d as {{ types.result }})
        end as user_{{ days }}d_total_spend,
        cast(_spend_{{ days }}d as double) / nullif(_amounts_{{ days }}d, 0) as user_{{ days }}d_avg_spend{{ ',' if not loop.last }}
        {%- endfor %}
    from spend_in_window
)

select * from final
{%- endmacro %}
