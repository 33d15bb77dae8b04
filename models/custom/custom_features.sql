{#- The features of the job's transformers that are macros of the project or of a package; `transformers/*.yaml` declares them. -#}
{%- set table = var('job').custom_features -%}
{{- config(enabled=table.feature_sets | length > 0, **table_layout(table)) -}}
{% call(relation, feature_set) feature_table(table, ref('stg_job_input')) -%}
{{ named_macro(feature_set.macro)(relation, **feature_set.params) }}
{%- endcall %}
