with

transactions_at as (
    select
        `user_id`,
        `timestamp`,
        count(*) as _transactions
    from `features`.`as_of__stg_job_input`
    where `user_id` is not null and `timestamp` is not null
    group by `user_id`, `timestamp`
),

transactions_in_month as (
    select
        *,
        date_format(`timestamp`, 'yyyy-MM') as year_month
    from transactions_at
),

final as (
    select
        `user_id`,
        `timestamp`,
        year_month,
        sum(_transactions) over (
            partition by `user_id`, year_month order by `timestamp`
            rows between unbounded preceding and current row
        ) as user_monthly_txn_count
    from transactions_in_month
)

select * from final
