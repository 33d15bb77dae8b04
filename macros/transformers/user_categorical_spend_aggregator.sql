{#-
                                  t
  --------------------------------|------------------------->  event time
  default:  all of the user's rows, ever
  as_of event_time: [=============]   rows up to and at t
-#}
{% macro user_categorical_spend_aggregator(
    relation, user_id_col, amount_col, category_col, target_category_value, timestamp_col=none, as_of=none, amount_type=none
) -%}
    {%- if as_of not in [none, 'event_time'] or (as_of and not timestamp_col) -%}
        {%- do exceptions.raise_compiler_error(
            'user_categorical_spend_aggregator: `as_of` is absent, or `event_time` together with a `timestamp_col`; given as_of `'
            ~ as_of ~ '`, timestamp_col `' ~ timestamp_col ~ '`'
        ) -%}
    {%- endif -%}
    {%- set categories = [target_category_value] if target_category_value is string else target_category_value -%}
    {%- set types = amount_types(amount_type or column_type(relation, amount_col)) -%}
    {%- set totals = [] -%}
    {%- for category in categories -%}
        {%- do totals.append({
            'column': 'user_total_spend_' ~ category_slug(category),
            'amount': amount_in_category(amount_col, category_col, category, types),
            'type': types.result,
        }) -%}
    {%- endfor -%}
    {%- if as_of -%}
        {{- adapter.dispatch('user_categorical_spend_to_date', 'feature_platform')(
            relation, sql_identifier(user_id_col), sql_identifier(timestamp_col), totals
        ) -}}
    {%- else -%}
        {{- adapter.dispatch('user_categorical_spend', 'feature_platform')(relation, sql_identifier(user_id_col), totals) -}}
    {%- endif -%}
{%- endmacro %}


{% macro default__user_categorical_spend(relation, user_id, totals) -%}
with

final as (
    select
        {{ user_id }},
        {%- for total in totals %}
        cast(
            coalesce(sum(
                {{ total.amount }}
            ), 0) as {{ total.type }}
        ) as {{ total.column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    where {{ user_id }} is not null
    group by {{ user_id }}
)

select * from final
{%- endmacro %}


{% macro default__user_categorical_spend_to_date(relation, user_id, event_time, totals) -%}
with

amounts as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for total in totals %}
        coalesce({{ total.amount }}, 0) as _amount_{{ loop.index0 }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    where {{ user_id }} is not null and {{ event_time }} is not null
),

spend_to_date as (
    select
        {{ user_id }},
        {{ event_time }},
        {{ next_in_order(event_time, user_id) }} as _next_time,
        {%- for total in totals %}
        {{ growing_sum('_amount_' ~ loop.index0, user_id, event_time) }} as {{ total.column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from amounts
),

final as (
    select
        {{ user_id }},
        {{ event_time }},
        {%- for total in totals %}
        cast({{ total.column }} as {{ total.type }}) as {{ total.column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from spend_to_date
    where {{ is_last_at_its_time(event_time) }}
)

select * from final
{%- endmacro %}
