{#- Every source row once, its columns as they were, and the job's features in the order of its YAML. -#}
{%- set job = var('job') -%}
{%- set joins = [] -%}
{%- for table in job.joins -%}
    {%- set one_set = '' if table.feature_set is none else '\n    where _feature_set = ' ~ table.feature_set -%}
    {%- do joins.append(dict(table, query='select * from ' ~ ref(table.model) ~ one_set)) -%}
{%- endfor -%}
{{ rows_with_features(ref('stg_job_input'), job.input.columns, joins, job.features) }}
