{#- Generated from configs/jobs/overdraft_scoring_job.yaml by `fpjob registry sync`; edit that instead. -#}
{% if builds_job('overdraft_scoring_set_v1') -%}
{{ feature_table(
    input=ref('overdraft_scoring_set_v1__customer_activity_rows'),
    feature_sets=[
        {
            'keys': ['user_id', 'timestamp'],
            'features': {'transactions_30d': 'bigint'},
            'reads': {'user_id': 'bigint', 'timestamp': 'timestamp', '_asks': 'boolean'},
            'timestamp_col': 'timestamp',
            'query': aggregate(
                'input_rows',
                keys=['user_id'],
                event_time='timestamp',
                features=[{'function': 'count', 'windows': {'30d': 'transactions_30d'}}],
                types={'timestamp': 'timestamp'},
                asking='_asks',
            ),
        },
    ],
) }}
{%- endif %}
