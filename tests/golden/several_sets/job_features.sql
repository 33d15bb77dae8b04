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

with_user_spend_0 as (
    select
        source_rows.*,
        user_spend_0.`user_1d_total_spend`,
        user_spend_0.`user_1d_avg_spend`
    from user_spend_0
    right join source_rows
        on
            user_spend_0.`user_id` = source_rows.`user_id`
            and user_spend_0.`timestamp` = source_rows.`timestamp`
),

with_user_spend_1 as (
    select
        with_user_spend_0.*,
        user_spend_1.`user_2d_total_spend`,
        user_spend_1.`user_2d_avg_spend`
    from user_spend_1
    right join with_user_spend_0
        on
            user_spend_1.`user_id` = with_user_spend_0.`user_id`
            and user_spend_1.`timestamp` = with_user_spend_0.`timestamp`
),

final as (
    select
        with_user_spend_1.`user_id`,
        with_user_spend_1.`timestamp`,
        with_user_spend_1.`amount`,
        with_user_spend_1.`fee`,
        with_user_spend_1.`category`,
        with_user_spend_1.`user_1d_total_spend`,
        with_user_spend_1.`user_1d_avg_spend`,
        with_user_spend_1.`user_2d_total_spend`,
        with_user_spend_1.`user_2d_avg_spend`
    from with_user_spend_1
)

select * from final
