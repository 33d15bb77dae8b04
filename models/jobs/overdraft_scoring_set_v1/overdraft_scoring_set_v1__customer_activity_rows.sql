{#- Generated from configs/jobs/overdraft_scoring_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('overdraft_scoring_set_v1') -%}
{{ point_in_time_rows(
    asking=ref('overdraft_scoring_set_v1__stg_job_input'),
    keys={'user_id': 'customer'},
    event_time={'timestamp': 'reviewed_at'},
    relation=source('transaction', 'mm_transaction'),
    columns={'user_id': 'bigint', 'timestamp': 'timestamp'},
    reach_days=30,
) }}
{%- endif %}
