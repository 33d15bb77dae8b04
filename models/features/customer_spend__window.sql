{#- Generated from registry/feature/customer_spend.yaml by `fpjob registry sync`; edit that instead. -#}
{{ feature_table(
    input=ref('customer_spend__input'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {
                'spend_7d': 'decimal(38,2)',
                'spend_30d': 'decimal(38,2)',
                'spend_365d': 'decimal(38,2)',
                'income_30d': 'decimal(38,2)',
                'income_previous_month': 'decimal(38,2)',
                'largest_payment_90d': 'decimal(12,2)',
            },
            'reads': {
                'user_id': 'bigint',
                'timestamp': 'timestamp',
                'amount': 'decimal(12,2)',
                'transaction_type': 'string',
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
                        'windows': {'7d': 'spend_7d', '30d': 'spend_30d', '365d': 'spend_365d'},
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
                        'windows': {'30d': 'income_30d', 'previous month': 'income_previous_month'},
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
            ),
        },
    ],
    period='month',
    reach_days=365,
    reach_periods={'month': 2},
) }}
