with

source_rows as (
    select * from `features`.`windows__stg_job_input`
),

window_features as (
    select * from `features`.`windows__window_features`
),

lifetime_features as (
    select * from `features`.`windows__lifetime_features`
),

with_window_features as (
    select
        source_rows.*,
        window_features.`amount_sum_7d`,
        window_features.`amount_sum_30d_offset_7d`,
        window_features.`amount_sum_month`,
        window_features.`amount_avg_7d`,
        window_features.`count_7d`,
        window_features.`count_previous_month`,
        window_features.`fee_sum_7d`,
        window_features.`amount_stddev_7d`,
        window_features.`amount_count_distinct_7d`,
        window_features.`amount_count_distinct_month`,
        window_features.`fee_max_7d`,
        window_features.`fee_max_month`,
        window_features.`amount_min_7d`,
        window_features.`amount_min_month`,
        window_features.`amount_last_7d`,
        window_features.`amount_last_3_7d`,
        window_features.`seconds_since_first_7d`
    from window_features
    right join source_rows
        on
            window_features.`user_id` = source_rows.`user_id`
            and window_features.`category` = source_rows.`category`
            and window_features.`timestamp` = source_rows.`timestamp`
),

with_lifetime_features as (
    select
        with_window_features.*,
        lifetime_features.`amount_last_lifetime`
    from lifetime_features
    right join with_window_features
        on
            lifetime_features.`user_id` = with_window_features.`user_id`
            and lifetime_features.`category` = with_window_features.`category`
            and lifetime_features.`timestamp` = with_window_features.`timestamp`
),

final as (
    select
        with_lifetime_features.`user_id`,
        with_lifetime_features.`timestamp`,
        with_lifetime_features.`amount`,
        with_lifetime_features.`fee`,
        with_lifetime_features.`category`,
        with_lifetime_features.`amount_sum_7d`,
        with_lifetime_features.`amount_sum_30d_offset_7d`,
        with_lifetime_features.`amount_sum_month`,
        with_lifetime_features.`amount_avg_7d`,
        with_lifetime_features.`count_7d`,
        with_lifetime_features.`count_previous_month`,
        with_lifetime_features.`fee_sum_7d`,
        with_lifetime_features.`amount_stddev_7d`,
        with_lifetime_features.`amount_count_distinct_7d`,
        with_lifetime_features.`amount_count_distinct_month`,
        with_lifetime_features.`fee_max_7d`,
        with_lifetime_features.`fee_max_month`,
        with_lifetime_features.`amount_min_7d`,
        with_lifetime_features.`amount_min_month`,
        with_lifetime_features.`amount_last_7d`,
        with_lifetime_features.`amount_last_lifetime`,
        with_lifetime_features.`amount_last_3_7d`,
        with_lifetime_features.`seconds_since_first_7d`
    from with_lifetime_features
)

select * from final
