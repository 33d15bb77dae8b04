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
        {{- adapter.dispatch('user_monthly_transactions_to_date', 'feature_platform')(
            relation=relation, user_id=user_id, event_time=event_time
        ) -}}
    {%- else -%}
        {{- adapter.dispatch('user_monthly_transactions', 'feature_platform')(
            relation=relation, user_id=user_id, event_time=event_time
        ) -}}
    {%- endif -%}
{%- endmacro %}


{% macro default__user_monthly_transactions(relation, user_id, event_time) -%}
with

transactions as (
    select
        {{ user_id }} as _user,
        cast({{ event_time }} as date) as _day
    from {{ relation }}
    where {{ user_id }} is not null and {{ event_time }} is not null
),

transactions_in_month as (
    select
        _user,
        {{ _period_start('_day', 'month') }} as _month
    from transactions
),

final as (
    select
        _user as {{ user_id }},
        {{ _year_month('_month') }} as year_month,
        count(*) as user_monthly_txn_count
    from transactions_in_month
    group by _user, _month
)

select * from final
{%- endmacro %}


{% macro default__user_monthly_transactions_to_date(relation, user_id, event_time) -%}
with

transactions as (
    select
        {{ user_id }} as _user,
        {{ event_time }} as _event_time,
        cast({{ event_time }} as date) as _day
    from {{ relation }}
    where {{ user_id }} is not null and {{ event_time }} is not null
),

transactions_in_month as (
    select
        _user,
        _event_time,
        {{ _period_start('_day', 'month') }} as _month
    from transactions
),

transactions_to_date as (
    select
        _user,
        _event_time,
        _month,
        {{ _next_in_order('_event_time', '_user, _month') }} as _next_time,
        {{ _growing_sum('1', '_user, _month', '_event_time') }} as _transactions
    from transactions_in_month
),

final as (
    select
        _user as {{ user_id }},
        _event_time as {{ event_time }},
        _transactions as user_monthly_txn_count,
        {{ _year_month('_month') }} as year_month
    from transactions_to_date
    where {{ _is_last_at_its_time('_event_time') }}
)

select * from final
{%- endmacro %}
