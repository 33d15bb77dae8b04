{#- Generated from configs/jobs/overdraft_scoring_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('overdraft_scoring_set_v1') -%}
{{ scoring_rows(
    keys={'customer': 'bigint'},
    event_time={'reviewed_at': 'date'},
    sources=[{'relation': source('customer', 'mm_customer'), 'keys': {'customer': 'user_id'}}],
    instants={'start': '1994-03-01', 'every_seconds': 1, 'number': 1},
) }}
{%- endif %}
