{#- Generated from configs/jobs/sample_financial_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('financial_features_extraction_v1') -%}
{{ job_features(
    input=ref('financial_features_extraction_v1__stg_job_input'),
    tables=[
        {
            'name': 'user_spend',
            'relation': ref('financial_features_extraction_v1__user_spend'),
            'keys': ['user_id', 'timestamp'],
        },
        {
            'name': 'user_monthly_transactions',
            'relation': ref('financial_features_extraction_v1__user_monthly_transactions'),
            'keys': ['user_id', 'year_month'],
            'timestamp_col': 'timestamp',
            'month_key': 'year_month',
        },
        {
            'name': 'user_categorical_spend',
            'relation': ref('financial_features_extraction_v1__user_categorical_spend'),
            'keys': ['user_id'],
        },
    ],
    features={
        'user_30d_total_spend': 'user_spend',
        'user_30d_avg_spend': 'user_spend',
        'year_month': 'user_monthly_transactions',
        'user_monthly_txn_count': 'user_monthly_transactions',
        'user_total_spend_household_payment': 'user_categorical_spend',
    },
) }}
{%- endif %}
