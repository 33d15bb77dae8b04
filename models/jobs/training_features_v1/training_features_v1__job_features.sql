{#- Generated from configs/jobs/training_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('training_features_v1') -%}
{{ job_features(
    input=ref('training_features_v1__stg_job_input'),
    tables=[
        {'name': 'user_spend', 'relation': ref('training_features_v1__user_spend'), 'keys': ['user_id', 'timestamp']},
        {
            'name': 'user_monthly_transactions',
            'relation': ref('training_features_v1__user_monthly_transactions'),
            'keys': ['user_id', 'timestamp'],
        },
        {
            'name': 'user_categorical_spend',
            'relation': ref('training_features_v1__user_categorical_spend'),
            'keys': ['user_id', 'timestamp'],
        },
    ],
    features={
        'user_1d_total_spend': 'user_spend',
        'user_1d_avg_spend': 'user_spend',
        'user_7d_total_spend': 'user_spend',
        'user_7d_avg_spend': 'user_spend',
        'user_30d_total_spend': 'user_spend',
        'user_30d_avg_spend': 'user_spend',
        'user_365d_total_spend': 'user_spend',
        'user_365d_avg_spend': 'user_spend',
        'year_month': 'user_monthly_transactions',
        'user_monthly_txn_count': 'user_monthly_transactions',
        'user_total_spend_household_payment': 'user_categorical_spend',
        'user_total_spend_insurance_payment': 'user_categorical_spend',
        'user_total_spend_loan_payment': 'user_categorical_spend',
    },
) }}
{%- endif %}
