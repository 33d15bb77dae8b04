{%- set table = var('job').user_categorical_spend -%}
{{- config(enabled=table.feature_sets | length > 0, **table_layout(table)) -}}
{% call(relation, feature_set) feature_table(table, ref('stg_job_input')) -%}
{{ user_categorical_spend_aggregator(relation, **feature_set.params) }}
{%- endcall %}
