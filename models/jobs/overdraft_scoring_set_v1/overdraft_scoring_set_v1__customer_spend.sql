{#- Generated from configs/jobs/overdraft_scoring_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('overdraft_scoring_set_v1') -%}
{{ feature_table(
    input=ref('overdraft_scoring_set_v1__customer_spend_rows'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {
                'spend_30d': 'decimal(38,2)',
                'spend_365d': 'decimal(38,2)',
                'income_30d': 'decimal(38,2)',
                'largest_payment_90d': 'decimal(12,2)',
            },
            'reads': {
                'user_id': 'bigint',
                'timestamp': 'timestamp',
                'amount': 'decimal(12,2)',
                'transaction_type': 'string',
                '_asks': 'boolean',
            },
            'timestamp_col': 'timestamp',
            'query': aggregate(
                'input_rows',
                keys=['user_id'],
                event_time='timestamp',
                features=[
                    {
                        'function': 'sum',
                        'column': 'amount',
                        'windows': {'30d': 'spend_30d', '365d': 'spend_365d'},
                        'where': [
                            {
                                'column': 'transaction_type',
                                'op': 'in',
                                'literals': [{'text': 'debit', 'type': 'string'}, {'text': 'debit cash', 'type': 'string'}],
                            },
                        ],
                        'fill_value': '0',
                    },
                    {
                        'function': 'sum',
                        'column': 'amount',
                        'windows': {'30d': 'income_30d'},
                        'where': [
                            {
                                'column': 'transaction_type',
                                'op': 'equals',
                                'literals': [{'text': 'credit', 'type': 'string'}],
                            },
                        ],
                        'fill_value': '0',
                    },
                    {
                        'function': 'max',
                        'column': 'amount',
                        'windows': {'90d': 'largest_payment_90d'},
                        'where': [
                            {
                                'column': 'transaction_type',
                                'op': 'in',
                                'literals': [{'text': 'debit', 'type': 'string'}, {'text': 'debit cash', 'type': 'string'}],
                            },
                        ],
                    },
                ],
                types={'timestamp': 'timestamp', 'amount': 'decimal(12,2)'},
                asking='_asks',
            ),
        },
    ],
) }}
{%- endif %}
