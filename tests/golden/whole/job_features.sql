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

with_user_spend as (
    select
        source_rows.*,
        user_spend.`user_7d_total_spend`,
        user_spend.`user_7d_avg_spend`,
        user_spend.`user_30d_total_spend`,
        user_spend.`user_30d_avg_spend`
    from user_spend
    right join source_rows
        on
            user_spend.`user_id` = source_rows.`user_id`
            and user_spend.`timestamp` = source_rows.`timestamp`
),

with_user_monthly_transactions as (
    select
        with_user_spend.*,
        user_monthly_transactions.`year_month`,
        user_monthly_transactions.`user_monthly_txn_count`
    from user_monthly_transactions
    right join with_user_spend
        on
            user_monthly_transactions.`user_id` = with_user_spend.`user_id`
            and user_monthly_transactions.`year_month` = date_format(with_user_spend.`timestamp`, 'yyyy-MM')
),

with_user_categorical_spend as (
    select
        with_user_monthly_transactions.*,
        user_categorical_spend.`user_total_spend_it_s`,
        user_categorical_spend.`user_total_spend_food_drink`
    from user_categorical_spend
    right join with_user_monthly_transactions
        on
            user_categorical_spend.`user_id` = with_user_monthly_transactions.`user_id`
),

final as (
    select
        with_user_categorical_spend.`user_id`,
        with_user_categorical_spend.`timestamp`,
        with_user_categorical_spend.`amount`,
        with_user_categorical_spend.`fee`,
        with_user_categorical_spend.`category`,
        with_user_categorical_spend.`user_7d_total_spend`,
        with_user_categorical_spend.`user_7d_avg_spend`,
        with_user_categorical_spend.`user_30d_total_spend`,
        with_user_categorical_spend.`user_30d_avg_spend`,
        with_user_categorical_spend.`year_month`,
        with_user_categorical_spend.`user_monthly_txn_count`,
        with_user_categorical_spend.`user_total_spend_it_s`,
        with_user_categorical_spend.`user_total_spend_food_drink`
    from with_user_categorical_spend
)

select * from final
