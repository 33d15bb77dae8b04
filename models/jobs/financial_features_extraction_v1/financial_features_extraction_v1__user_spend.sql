{#- Generated from configs/jobs/sample_financial_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('financial_features_extraction_v1') -%}
{{ feature_table(
    input=ref('financial_features_extraction_v1__stg_job_input'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {'user_30d_total_spend': 'decimal(38,2)', 'user_30d_avg_spend': 'double'},
            'reads': {'user_id': 'bigint', 'timestamp': 'timestamp', 'amount': 'decimal(12,2)'},
            'timestamp_col': 'timestamp',
            'query': user_spend_aggregator(
                'input_rows',
                user_id_col='user_id',
                timestamp_col='timestamp',
                window_days=[30],
                amount_col='amount',
                amount_type='decimal(12,2)',
                timestamp_type='timestamp',
            ),
        },
    ],
    period='month',
    reach_days=30,
) }}
{%- endif %}
