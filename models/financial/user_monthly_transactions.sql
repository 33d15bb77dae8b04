{%- set table = var('job').user_monthly_transactions -%}
{{- config(enabled=table.feature_sets | length > 0, **table_layout(table)) -}}
{% call(relation, feature_set) feature_table(table, ref('stg_job_input')) -%}
{{ user_monthly_transaction_counter(relation, **feature_set.params) }}
{%- endcall %}
