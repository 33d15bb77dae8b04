{#- Generated from configs/jobs/overdraft_training_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('overdraft_training_set_v1') -%}
{{ feature_table(
    input=ref('overdraft_training_set_v1__targets_rows'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {'lowest_balance_next_30d': 'decimal(14,2)'},
            'reads': {
                'user_id': 'bigint',
                'timestamp': 'timestamp',
                'balance': 'decimal(14,2)',
                '_asks': 'boolean',
            },
            'timestamp_col': 'timestamp',
            'query': aggregate(
                'input_rows',
                keys=['user_id'],
                event_time='timestamp',
                features=[{'function': 'min', 'column': 'balance', 'windows': {'next 30d': 'lowest_balance_next_30d'}}],
                types={'timestamp': 'timestamp', 'balance': 'decimal(14,2)'},
                asking='_asks',
            ),
        },
    ],
) }}
{%- endif %}
