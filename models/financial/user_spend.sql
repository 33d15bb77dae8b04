{%- set table = var('job').user_spend -%}
{{- config(enabled=table.feature_sets | length > 0, partition_by='period_start' if table.period else none) -}}
{% call(relation, params) feature_table(table, ref('stg_job_input')) -%}
{{ user_spend_aggregator(relation, **params) }}
{%- endcall %}
