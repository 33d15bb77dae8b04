{#- Generated from registry/feature/customer_activity.yaml by `fpjob registry sync`; edit that instead. -#}
{{ feature_table(
    input=ref('customer_activity__input'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {
                'transactions_7d': 'bigint',
                'transactions_30d': 'bigint',
                'transactions_month': 'bigint',
                'operations_90d': 'bigint',
                'seconds_since_previous_365d': 'double',
            },
            'reads': {'user_id': 'bigint', 'timestamp': 'timestamp', 'operation': 'string'},
            'timestamp_col': 'timestamp',
            'query': aggregate(
                'input_rows',
                keys=['user_id'],
                event_time='timestamp',
                features=[
                    {
                        'function': 'count',
                        'windows': {'7d': 'transactions_7d', '30d': 'transactions_30d', 'month': 'transactions_month'},
                    },
                    {'function': 'count_distinct', 'column': 'operation', 'windows': {'90d': 'operations_90d'}},
                    {
                        'function': 'seconds_since_last',
                        'windows': {'365d': 'seconds_since_previous_365d'},
                        'closed': 'left',
                    },
                ],
                types={'timestamp': 'timestamp', 'operation': 'string'},
            ),
        },
    ],
    period='month',
    reach_days=365,
    reach_periods={'month': 1},
) }}
