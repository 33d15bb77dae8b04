{#- Generated from registry/feature/customer_spend.yaml by `fpjob registry sync`; edit that instead. -#}
{{ job_input(
    relation=source('transaction', 'mm_transaction'),
    columns={
        'transaction_id': 'bigint',
        'user_id': 'bigint',
        'timestamp': 'timestamp',
        'amount': 'decimal(12,2)',
        'category': 'string',
        'transaction_type': 'string',
        'operation': 'string',
        'balance': 'decimal(14,2)',
    },
) }}
