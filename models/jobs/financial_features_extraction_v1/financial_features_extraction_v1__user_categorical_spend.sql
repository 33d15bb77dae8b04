{#- Generated from configs/jobs/sample_financial_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('financial_features_extraction_v1') -%}
{{ feature_table(
    input=ref('financial_features_extraction_v1__stg_job_input'),
    feature_sets=[
        {
            'keys': ['user_id'],
            'features': {'user_total_spend_household_payment': 'decimal(38,2)'},
            'reads': {'user_id': 'bigint', 'amount': 'decimal(12,2)', 'category': 'string'},
            'query': user_categorical_spend_aggregator(
                'input_rows',
                user_id_col='user_id',
                category_col='category',
                target_category_value=['household payment'],
                amount_col='amount',
                amount_type='decimal(12,2)',
            ),
        },
    ],
) }}
{%- endif %}
