with

source_rows as (
    select * from `features`.`whole__stg_job_input`
),

user_spend as (
    select * from `features`.`whole__user_spend`
),

user_monthly_transactions as (
    select * from `features`.`whole__user_monthly_transactions`
),

user_categorical_spend as (
    select * from `features`.`whole__user_categorical_spend`
),

final as (
    select
        source_rows.`user_id`,
        source_rows.`timestamp`,
        source_rows.`amount`,
        source_rows.`fee`,
        source_rows.`category`,
        user_spend.`user_7d_total_spend`,
        user_spend.`user_7d_avg_spend`,
        user_spend.`user_30d_total_spend`,
        user_spend.`user_30d_avg_spend`,
        user_monthly_transactions.`year_month`,
        user_monthly_transactions.`user_monthly_txn_count`,
        user_categorical_spend.`user_total_spend_it_s`,
        user_categorical_spend.`user_total_spend_food_drink`
    from source_rows
    left join user_spend
        on
            source_rows.`user_id` = user_spend.`user_id`
            and source_rows.`timestamp` = user_spend.`timestamp`
    left join user_monthly_transactions
        on
            source_rows.`user_id` = user_monthly_transactions.`user_id`
            and date_format(source_rows.`timestamp`, 'yyyy-MM') = user_monthly_transactions.`year_month`
    left join user_categorical_spend
        on
            source_rows.`user_id` = user_categorical_spend.`user_id`
)

select * from final
