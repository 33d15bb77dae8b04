{#- Generated from configs/jobs/sample_customer_profile_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('customer_profile_v1') -%}
{{ job_features(input=ref('customer_profile_v1__stg_job_input')) }}
{%- endif %}
