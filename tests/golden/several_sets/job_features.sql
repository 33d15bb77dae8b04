with

source_rows as (
    select * from `features`.`several_sets__stg_job_input`
),

user_spend_0 as (
    select * from `features`.`several_sets__user_spend`
    where _feature_set = 0
),

user_spend_1 as (
    select * from `features`.`several_sets__user_spend`
    where _feature_set = 1
),

final as (
    select
        source_rows.`user_id`,
        source_rows.`timestamp`,
        source_rows.`amount`,
        source_rows.`fee`,
        source_rows.`category`,
        user_spend_0.`user_1d_total_spend`,
        user_spend_0.`user_1d_avg_spend`,
        user_spend_1.`user_2d_total_spend`,
        user_spend_1.`user_2d_avg_spend`
    from source_rows
    left join user_spend_0
        on
            source_rows.`user_id` = user_spend_0.`user_id`
            and source_rows.`timestamp` = user_spend_0.`timestamp`
    left join user_spend_1
        on
            source_rows.`user_id` = user_spend_1.`user_id`
            and source_rows.`timestamp` = user_spend_1.`timestamp`
)

select * from final
