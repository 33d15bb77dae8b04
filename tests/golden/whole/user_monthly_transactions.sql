with

transactions as (
    select
        `user_id`,
        date_format(`timestamp`, 'yyyy-MM') as year_month
    from `features`.`whole__stg_job_input`
    where `user_id` is not null and `timestamp` is not null
),

final as (
    select
        `user_id`,
        year_month,
        count(*) as user_monthly_txn_count
    from transactions
    group by `user_id`, year_month
)

select * from final
