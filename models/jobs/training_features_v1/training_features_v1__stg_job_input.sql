{#- Generated from configs/jobs/training_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('training_features_v1') -%}
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
    filters=[
        {
            'column': 'transaction_type',
            'op': 'in',
            'literals': [{'text': 'debit', 'type': 'string'}, {'text': 'debit cash', 'type': 'string'}],
        },
        {'column': 'timestamp', 'op': 'gte', 'literals': [{'text': '1993-01-01', 'type': 'timestamp'}]},
        {'column': 'amount', 'op': 'gt', 'literals': [{'text': '0', 'type': 'decimal(1, 0)'}]},
    ],
) }}
{%- endif %}
