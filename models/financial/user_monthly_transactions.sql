{%- set feature_sets = var('job').user_monthly_transactions -%}
{{- config(enabled=feature_sets | length > 0) -}}
{% call(params) feature_table(feature_sets) -%}
{{ user_monthly_transaction_counter(ref('stg_job_input'), **params) }}
{%- endcall %}
