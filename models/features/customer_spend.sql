{#- Generated from registry/feature/customer_spend.yaml by `fpjob registry sync`; edit that instead. -#}
{{ group_features(
    tables={'window_features': ref('customer_spend__window'), 'lifetime_features': ref('customer_spend__lifetime')},
    keys=['user_id', 'timestamp'],
    features={
        'spend_7d': 'window_features',
        'spend_30d': 'window_features',
        'spend_365d': 'window_features',
        'income_30d': 'window_features',
        'income_previous_month': 'window_features',
        'largest_payment_90d': 'window_features',
        'paid_household_payment_lifetime': 'lifetime_features',
        'paid_insurance_payment_lifetime': 'lifetime_features',
        'paid_loan_payment_lifetime': 'lifetime_features',
    },
) }}
