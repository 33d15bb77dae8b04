{#- Generated from configs/jobs/overdraft_training_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('overdraft_training_set_v1') -%}
{{ split_rows(
    input=ref('overdraft_training_set_v1__stg_job_input'),
    columns={'customer': 'bigint', 'reviewed_at': 'date', 'overdrawn': 'boolean'},
    event_time={'reviewed_at': 'date'},
    parts=[{'name': 'train', 'end': '1994-01-01'}, {'name': 'test'}],
    reach_seconds=2592000,
) }}
{%- endif %}
