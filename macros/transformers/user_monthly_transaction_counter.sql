{#-
      month starts                t                  month ends
  --------[=======================|==================)-------->  event time
  default:   all rows of the month, those after t too
  as_of event_time:   [===========]   rows up to and at t
-#}
{% macro user_monthly_transaction_counter(relation, user_id_col, timestamp_col, as_of=none, timestamp_type=none) -%}
    {%- if as_of not in [none, 'event_time'] -%}
        {%- do exceptions.raise_compiler_error(
            'user_monthly_transaction_counter: `as_of` is `event_time` or absent, given `' ~ as_of ~ '`'
        ) -%}
    {%- endif -%}
    {%- set user_id, event_time = sql_identifier(user_id_col), sql_identifier(timestamp_col) -%}
with

{% if as_of -%}
counts as (
    {{ aggregate(
        relation,
        keys=[user_id_col],
        event_time=timestamp_col,
        features=[{'function': 'count', 'windows': {'month': 'user_monthly_txn_count'}}],
        types={timestamp_col: timestamp_type},
    ) | indent(4) }}
),

final as (
    select
        *,
        {{ _year_month('cast(' ~ event_time ~ ' as date)') }} as year_month
    from counts
)
{%- else -%}
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
{%- endif %}

select * from final
{%- endmacro %}
