{#- Generated from registry/feature/customer_spend.yaml by `fpjob registry sync`; edit that instead. -#}
{{ feature_table(
    input=ref('customer_spend__input'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {
                'paid_household_payment_lifetime': 'decimal(38,2)',
                'paid_insurance_payment_lifetime': 'decimal(38,2)',
                'paid_loan_payment_lifetime': 'decimal(38,2)',
            },
            'reads': {
                'user_id': 'bigint',
                'timestamp': 'timestamp',
                'amount': 'decimal(12,2)',
                'category': 'string',
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
                        'windows': {'lifetime': 'paid_household_payment_lifetime'},
                        'where': [
                            {
                                'column': 'category',
                                'op': 'equals',
                                'literals': [{'text': 'household payment', 'type': 'string'}],
                            },
                        ],
                        'fill_value': '0',
                    },
                    {
                        'function': 'sum',
                        'column': 'amount',
                        'windows': {'lifetime': 'paid_insurance_payment_lifetime'},
                        'where': [
                            {
                                'column': 'category',
                                'op': 'equals',
                                'literals': [{'text': 'insurance payment', 'type': 'string'}],
                            },
                        ],
                        'fill_value': '0',
                    },
                    {
                        'function': 'sum',
                        'column': 'amount',
                        'windows': {'lifetime': 'paid_loan_payment_lifetime'},
                        'where': [
                            {
                                'column': 'category',
                                'op': 'equals',
                                'literals': [{'text': 'loan payment', 'type': 'string'}],
                            },
                        ],
                        'fill_value': '0',
                    },
                ],
                types={'timestamp': 'timestamp', 'amount': 'decimal(12,2)'},
            ),
        },
    ],
    period='month',
) }}
