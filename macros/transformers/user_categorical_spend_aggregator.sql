{#-
                                  t
  --------------------------------|------------------------->  event time
  default:  all of the user's rows, ever
  as_of event_time: [=============]   rows up to and at t
-#}
{% macro user_categorical_spend_aggregator(
    relation, user_id_col, amount_col, category_col, target_category_value, timestamp_col=none, as_of=none, amount_type=none,
    timestamp_type=none
) -%}
    {%- if as_of not in [none, 'event_time'] or (as_of and not timestamp_col) -%}
        {%- do exceptions.raise_compiler_error(
            'user_categorical_spend_aggregator: `as_of` is absent, or `event_time` together with a `timestamp_col`; given as_of `'
            ~ as_of ~ '`, timestamp_col `' ~ timestamp_col ~ '`'
        ) -%}
    {%- endif -%}
    {%- set features = [] -%}
    {%- for value in ([target_category_value] if target_category_value is string else target_category_value) -%}
        {%- do features.append({
            'function': 'sum',
            'column': amount_col,
            'windows': {'lifetime': 'user_total_spend_' ~ _category_slug(value)},
            'where': [{'column': category_col, 'op': 'equals', 'literals': [{'text': value, 'type': 'string'}], 'as_text': true}],
            'fill_value': 0,
        }) -%}
    {%- endfor -%}
    {{- aggregate(
        relation,
        keys=[user_id_col],
        event_time=timestamp_col if as_of else none,
        features=features,
        types=dict({amount_col: amount_type}, **({timestamp_col: timestamp_type} if as_of else {})),
    ) -}}
{%- endmacro %}
