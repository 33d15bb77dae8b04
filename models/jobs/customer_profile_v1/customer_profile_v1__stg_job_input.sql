{#- Generated from configs/jobs/sample_customer_profile_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('customer_profile_v1') -%}
{{ job_input(
    relation=source('customer', 'mm_customer'),
    columns={
        'user_id': 'bigint',
        'client_id': 'bigint',
        'birthdate': 'date',
        'gender': 'string',
        'district_id': 'bigint',
    },
) }}
{%- endif %}
