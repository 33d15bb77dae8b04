{#- Generated from configs/jobs/overdraft_training_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('overdraft_training_set_v1') -%}
{{ job_features(
    input=ref('overdraft_training_set_v1__split_rows'),
    tables=[
        {
            'name': 'customer_spend',
            'relation': ref('overdraft_training_set_v1__customer_spend'),
            'keys': ['user_id', 'timestamp'],
            'row_columns': {
                'user_id': {'column': 'customer', 'type': 'bigint'},
                'timestamp': {'column': 'reviewed_at', 'type': 'timestamp'},
            },
        },
        {
            'name': 'customer_activity',
            'relation': ref('overdraft_training_set_v1__customer_activity'),
            'keys': ['user_id', 'timestamp'],
            'row_columns': {
                'user_id': {'column': 'customer', 'type': 'bigint'},
                'timestamp': {'column': 'reviewed_at', 'type': 'timestamp'},
            },
        },
        {
            'name': 'targets',
            'relation': ref('overdraft_training_set_v1__targets'),
            'keys': ['user_id', 'timestamp'],
            'row_columns': {
                'user_id': {'column': 'customer', 'type': 'bigint'},
                'timestamp': {'column': 'reviewed_at', 'type': 'timestamp'},
            },
        },
    ],
    features={
        'spend_30d': 'customer_spend',
        'spend_365d': 'customer_spend',
        'income_30d': 'customer_spend',
        'largest_payment_90d': 'customer_spend',
        'transactions_30d': 'customer_activity',
        'lowest_balance_next_30d': 'targets',
        'split': 'source_rows',
    },
) }}
{%- endif %}
