{#- Generated from configs/jobs/sample_financial_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('financial_features_extraction_v1') -%}
{{ feature_table(
    input=ref('financial_features_extraction_v1__stg_job_input'),
    feature_sets=[
        {
            'keys': ['user_id', 'year_month'],
            'features': {'year_month': 'string', 'user_monthly_txn_count': 'bigint'},
            'reads': {'user_id': 'bigint', 'timestamp': 'timestamp'},
            'timestamp_col': 'timestamp',
            'month_key': 'year_month',
            'query': user_monthly_transaction_counter(
                'input_rows',
                user_id_col='user_id',
                timestamp_col='timestamp',
            ),
        },
    ],
    period='month',
    reach_days=0,
) }}
{%- endif %}
