{#- Generated from configs/jobs/training_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('training_features_v1') -%}
{{ feature_table(
    input=ref('training_features_v1__stg_job_input'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {
                'user_1d_total_spend': 'decimal(38,2)',
                'user_1d_avg_spend': 'double',
                'user_7d_total_spend': 'decimal(38,2)',
                'user_7d_avg_spend': 'double',
                'user_30d_total_spend': 'decimal(38,2)',
                'user_30d_avg_spend': 'double',
                'user_365d_total_spend': 'decimal(38,2)',
                'user_365d_avg_spend': 'double',
            },
            'reads': {'user_id': 'bigint', 'timestamp': 'timestamp', 'amount': 'decimal(12,2)'},
            'timestamp_col': 'timestamp',
            'query': user_spend_aggregator(
                'input_rows',
                user_id_col='user_id',
                timestamp_col='timestamp',
                window_days=[1, 7, 30, 365],
                amount_col='amount',
                amount_type='decimal(12,2)',
                timestamp_type='timestamp',
            ),
        },
    ],
    period='month',
    reach_days=365,
) }}
{%- endif %}
