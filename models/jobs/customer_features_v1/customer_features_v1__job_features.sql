{#- Generated from configs/jobs/customer_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('customer_features_v1') -%}
{{ job_features(
    input=ref('customer_features_v1__stg_job_input'),
    tables=[
        {
            'name': 'customer_spend_group',
            'relation': ref('customer_spend'),
            'keys': ['user_id', 'timestamp'],
            'is_shared': true,
        },
        {
            'name': 'customer_activity_group',
            'relation': ref('customer_activity'),
            'keys': ['user_id', 'timestamp'],
            'is_shared': true,
        },
    ],
    features={
        'spend_7d': 'customer_spend_group',
        'spend_30d': 'customer_spend_group',
        'spend_365d': 'customer_spend_group',
        'income_30d': 'customer_spend_group',
        'income_previous_month': 'customer_spend_group',
        'largest_payment_90d': 'customer_spend_group',
        'paid_household_payment_lifetime': 'customer_spend_group',
        'paid_insurance_payment_lifetime': 'customer_spend_group',
        'paid_loan_payment_lifetime': 'customer_spend_group',
        'transactions_30d': 'customer_activity_group',
        'operations_90d': 'customer_activity_group',
        'seconds_since_previous_365d': 'customer_activity_group',
    },
) }}
{%- endif %}
