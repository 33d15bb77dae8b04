{#- Generated from configs/jobs/customer_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('customer_features_v1') -%}
{{ job_input(
    relation=source('transaction', 'mm_transaction'),
    columns={
        'transaction_id': 'bigint',
        'user_id': 'bigint',
        'timestamp': 'timestamp',
        'amount': 'decimal(12,2)',
        'category': 'string',
        'transaction_type': 'string',
        'operation': 'string',
        'balance': 'decimal(14,2)',
    },
) }}
{%- endif %}
