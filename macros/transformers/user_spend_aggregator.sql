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
        _amount_types(amount_type or _column_type(relation, amount_col)),
        event_time=timestamp_type or _column_type(relation, timestamp_col)
    ) -%}
    {{- adapter.dispatch('user_spend_aggregator', 'feature_platform')(
        relation=relation,
        user_id_col=user_id_col,
        timestamp_col=timestamp_col,
        amount_col=amount_col,
        window_days=days,
        types=types,
    ) -}}
{%- endmacro %}


{% macro default__user_spend_aggregator(relation, user_id_col, timestamp_col, amount_col, window_days, types) -%}
{%- set user_id = sql_identifier(user_id_col) -%}
{%- set event_time = sql_identifier(timestamp_col) -%}
{%- set suffixes = [] -%}
{%- for days in window_days -%}
    {%- do suffixes.append('_' ~ days ~ 'd') -%}
{%- endfor -%}
with

{{ _exact_amounts(
    relation,
    {'_user': user_id, '_event_time': event_time, '_event_micros': _event_micros(event_time, types.event_time)},
    sql_identifier(amount_col),
    user_id ~ ' is not null and ' ~ event_time ~ ' is not null',
    types,
    amount_col,
) }},

{{ _sums_in_windows(_amount_sums(types), window_days) }},

{{ _totals_of_sums('sums_in_windows', ['_user', '_event_time'], suffixes, types) }},

spend as (
    select
        _user,
        _event_time,
        {%- for suffix in suffixes %}
        {{ _total_value(suffix, types, amount_col) }} as _spend{{ suffix }},
        _amounts{{ suffix }}{{ ',' if not loop.last }}
        {%- endfor %}
    from totals
),

averages as (
    select
        *,
        {%- for suffix in suffixes %}
        {{ _nearest_double('_spend' ~ suffix, types.scale) }} as _double{{ suffix }}{{ ',' if not loop.last }}
        {%- endfor %}
    from spend
),

final as (
    select
        _user as {{ user_id }},
        _event_time as {{ event_time }},
        {%- for suffix in suffixes %}
        case when _amounts{{ suffix }} > 0 then {{ '_double' if types.is_floating else '_spend' }}{{ suffix }} end as user{{ suffix }}_total_spend,
        _double{{ suffix }} / nullif(_amounts{{ suffix }}, 0) as user{{ suffix }}_avg_spend{{ ',' if not loop.last }}
        {%- endfor %}
    from averages
)

select * from final
{%- endmacro %}
