{#- Generated from configs/jobs/overdraft_training_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('overdraft_training_set_v1') -%}
{{ job_input(
    relation=source('review', 'mm_review'),
    columns={'customer': 'bigint', 'reviewed_at': 'date', 'overdrawn': 'boolean'},
) }}
{%- endif %}
