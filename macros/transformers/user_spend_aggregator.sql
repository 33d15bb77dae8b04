{#-
        t - N days                                     t
  --------(=========================================== ]-------->  event time
          a row exactly N x 24 h old is out            every row at t is in
-#}
{% macro user_spend_aggregator(
    relation, user_id_col, timestamp_col, amount_col, window_days=30, amount_type=none, timestamp_type=none
) -%}
    {%- set totals, averages = {}, {} -%}
    {%- for days in ([window_days] if window_days is number else window_days) -%}
        {%- do totals.update({days ~ 'd': 'user_' ~ days ~ 'd_total_spend'}) -%}
        {%- do averages.update({days ~ 'd': 'user_' ~ days ~ 'd_avg_spend'}) -%}
    {%- endfor -%}
    {{- aggregate(
        relation,
        keys=[user_id_col],
        event_time=timestamp_col,
        features=[
            {'function': 'sum', 'column': amount_col, 'windows': totals},
            {'function': 'avg', 'column': amount_col, 'windows': averages},
        ],
        types={amount_col: amount_type, timestamp_col: timestamp_type},
    ) -}}
{%- endmacro %}
