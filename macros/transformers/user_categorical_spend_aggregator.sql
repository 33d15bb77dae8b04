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
    {%- set type = amount_type or _column_type(relation, amount_col) -%}
    {{- adapter.dispatch('user_categorical_spend_aggregator', 'feature_platform')(
        relation=relation,
        user_id_col=user_id_col,
        amount_col=amount_col,
        category_col=category_col,
        categories=[target_category_value] if target_category_value is string else target_category_value,
        event_time_col=timestamp_col if as_of else none,
        types=_amount_types(type),
    ) -}}
{%- endmacro %}


{% macro default__user_categorical_spend_aggregator(relation, user_id_col, amount_col, category_col, categories, event_time_col, types) -%}
{%- set user_id = sql_identifier(user_id_col) -%}
{%- set event_time = sql_identifier(event_time_col) if event_time_col else none -%}
{%- set category = 'cast(' ~ sql_identifier(category_col) ~ ' as string)' -%}
{%- set amount = sql_identifier(amount_col) -%}
{%- set targets = [] -%}
{%- set sums, suffixes = {}, [] -%}
{%- for value in categories -%}
    {%- do targets.append(sql_literal(value)) -%}
    {%- do suffixes.append('_' ~ loop.index0) -%}
    {%- for name, sum in _total_sums(types, '_category = ' ~ targets[-1]).items() -%}
        {%- do sums.update({name ~ suffixes[-1]: sum.term}) -%}
    {%- endfor -%}
{%- endfor -%}
{%- if types.is_floating -%}
    {#- Only amounts that are summed have to fit. -#}
    {%- set amount = 'case when ' ~ category ~ ' in (' ~ targets | join(', ') ~ ') then ' ~ amount ~ ' end' -%}
{%- endif -%}
with

{{ _exact_amounts(
    relation,
    dict({'_user': user_id, '_category': category}, **({'_event_time': event_time} if event_time else {})),
    amount,
    user_id ~ ' is not null' ~ (' and ' ~ event_time ~ ' is not null' if event_time else ''),
    types,
    amount_col,
) }},

{{ _total_to_date(sums) if event_time else _total_of_all(sums) }},

{{ _totals_of_sums('sums', ['_user', '_event_time'] if event_time else ['_user'], suffixes, types, is_counted=false) }},

spend as (
    select
        _user,
        {%- if event_time %}
        _event_time,
        {%- endif %}
        {%- for suffix in suffixes %}
        {{ _total_value(suffix, types, amount_col) }} as _spend{{ suffix }}{{ ',' if not loop.last }}
        {%- endfor %}
    from totals
),

final as (
    select
        _user as {{ user_id }},
        {%- if event_time %}
        _event_time as {{ event_time }},
        {%- endif %}
        {%- for value in categories %}
        {{ _nearest_double('_spend' ~ suffixes[loop.index0], types.scale) if types.is_floating else '_spend' ~ suffixes[loop.index0] }} as user_total_spend_
        {{- _category_slug(value) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from spend
)

select * from final
{%- endmacro %}


{#- CTE `sums` of all rows of a user. -#}
{% macro _total_of_all(sums) -%}
sums as (
    select
        _user,
        {%- for name, term in sums.items() %}
        sum({{ term }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from amounts
    group by _user
)
{%- endmacro %}


{#- CTEs up to `sums`, of the user's rows up to and at each time. -#}
{% macro _total_to_date(sums) -%}
terms as (
    select
        _user,
        _event_time,
        {%- for name, term in sums.items() %}
        {{ term }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from amounts
),

sums_to_date as (
    select
        _user,
        _event_time,
        {{ _next_in_order('_event_time', '_user') }} as _next_time,
        {%- for name in sums %}
        {{ _growing_sum(name, '_user', '_event_time') }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from terms
),

sums as (
    select * from sums_to_date
    where {{ _is_last_at_its_time('_event_time') }}
)
{%- endmacro %}
