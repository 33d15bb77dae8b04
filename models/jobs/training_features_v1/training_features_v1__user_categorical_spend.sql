{#- Generated from configs/jobs/training_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('training_features_v1') -%}
{{ feature_table(
    input=ref('training_features_v1__stg_job_input'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {
                'user_total_spend_household_payment': 'decimal(38,2)',
                'user_total_spend_insurance_payment': 'decimal(38,2)',
                'user_total_spend_loan_payment': 'decimal(38,2)',
            },
            'reads': {
                'user_id': 'bigint',
                'timestamp': 'timestamp',
                'amount': 'decimal(12,2)',
                'category': 'string',
            },
            'timestamp_col': 'timestamp',
            'query': user_categorical_spend_aggregator(
                'input_rows',
                user_id_col='user_id',
                category_col='category',
                target_category_value=['household payment', 'insurance payment', 'loan payment'],
                timestamp_col='timestamp',
                as_of='event_time',
                amount_col='amount',
                amount_type='decimal(12,2)',
                timestamp_type='timestamp',
            ),
        },
    ],
    period='month',
) }}
{%- endif %}
