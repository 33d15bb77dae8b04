{#-
      month starts                t                  month ends
  --------[=======================|==================)-------->  event time
  default:   all rows of the month, those after t too
  as_of event_time:   [===========]   rows up to and at t
-#}
{% macro user_monthly_transaction_counter(relation, user_id_col, timestamp_col, as_of=none) -%}
    {%- if as_of not in [none, 'event_time'] -%}
        {%- do exceptions.raise_compiler_error(
            'user_monthly_transaction_counter: `as_of` is `event_time` or absent, given `' ~ as_of ~ '`'
        ) -%}
    {%- endif -%}
    {%- set user_id = sql_identifier(user_id_col) -%}
    {%- set event_time = sql_identifier(timestamp_col) -%}
    {%- if as_of -%}
        {{- adapter.dispatch('user_monthly_transactions_to_date', 'feature_platform')(relation, user_id, event_time) -}}
    {%- else -%}
        {{- adapter.dispatch('user_monthly_transactions', 'feature_platform')(relation, user_id, event_time) -}}
    {%- endif -%}
{%- endmacro %}


{% macro default__user_monthly_transactions(relation, user_id, event_time) -%}
with

transactions as (
    select
        {{ user_id }},
        {{ year_month(event_time) }} as year_month
    from {{ relation }}
    where {{ user_id }} is not null and {{ event_time }} is not null
),

final as (
    select
        {{ user_id }},
        year_month,
        count(*) as user_monthly_txn_count
    from transactions
    group by {{ user_id }}, year_month
)

select * from final
{%- endmacro %}


{% macro default__user_monthly_transactions_to_date(relation, user_id, event_time) -%}
with

transactions_at as (
    select
        {{ user_id }},
        {{ event_time }},
        count(*) as _transactions
    from {{ relation }}
    where {{ user_id }} is not null and {{ event_time }} is not null
    group by {{ user_id }}, {{ event_time }}
),

transactions_in_month as (
    select
        *,
        {{ year_month(event_time) }} as year_month
    from transactions_at
),

final as (
    select
        {{ user_id }},
        {{ event_time }},
        year_month,
        {{ growing_sum('_transactions', user_id ~ ', year_month', event_time) }} as user_monthly_txn_count
    from transactions_in_month
)

select * from final
{%- endmacro %}
