{%- set feature_sets = var('job').user_categorical_spend -%}
{{- config(enabled=feature_sets | length > 0) -}}
{% call(params) feature_table(feature_sets) -%}
{{ user_categorical_spend_aggregator(ref('stg_job_input'), **params) }}
{%- endcall %}
