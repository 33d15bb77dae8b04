{#- Generated from configs/jobs/training_features_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('training_features_v1') -%}
{{ feature_table(
    input=ref('training_features_v1__stg_job_input'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {'year_month': 'string', 'user_monthly_txn_count': 'bigint'},
            'reads': {'user_id': 'bigint', 'timestamp': 'timestamp'},
            'timestamp_col': 'timestamp',
            'query': user_monthly_transaction_counter(
                'input_rows',
                user_id_col='user_id',
                timestamp_col='timestamp',
                as_of='event_time',
                timestamp_type='timestamp',
            ),
        },
    ],
    period='month',
    reach_days=0,
) }}
{%- endif %}
