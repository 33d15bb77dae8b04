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

final as (
    select
        source_rows.`user_id`,
        source_rows.`timestamp`,
        source_rows.`amount`,
        source_rows.`fee`,
        source_rows.`category`,
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
        lifetime_features.`amount_last_lifetime`,
        window_features.`amount_last_3_7d`,
        window_features.`seconds_since_first_7d`
    from source_rows
    left join window_features
        on
            source_rows.`user_id` = window_features.`user_id`
            and source_rows.`category` = window_features.`category`
            and source_rows.`timestamp` = window_features.`timestamp`
    left join lifetime_features
        on
            source_rows.`user_id` = lifetime_features.`user_id`
            and source_rows.`category` = lifetime_features.`category`
            and source_rows.`timestamp` = lifetime_features.`timestamp`
)

select * from final
