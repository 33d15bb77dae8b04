with

source_rows as (
    select * from `features`.`labels_v1__stg_job_input`
),

takings as (
    select * from `features`.`labels_v1__takings`
),

takings_2 as (
    select * from `features`.`labels_v1__takings_2`
),

profile as (
    select * from `features`.`labels_v1__profile`
),

profile_2 as (
    select * from `features`.`labels_v1__profile_2`
),

place as (
    select * from `features`.`labels_v1__place`
),

final as (
    select
        source_rows.`label`,
        source_rows.`shop`,
        source_rows.`rival`,
        source_rows.`decided_at`,
        takings.`taken_7d`,
        takings.`taken_lifetime`,
        takings.`count_7d`,
        takings_2.`taken_lifetime` as `rival_taken_lifetime`,
        profile.`region`,
        profile_2.`region` as `new_region`,
        place.`town`
    from source_rows
    left join takings
        on
            cast(source_rows.`shop` as bigint) = takings.`shop_id`
            and cast(source_rows.`decided_at` as timestamp) = takings.`sold_at`
    left join takings_2
        on
            cast(source_rows.`rival` as bigint) = takings_2.`shop_id`
            and cast(source_rows.`decided_at` as timestamp) = takings_2.`sold_at`
    left join profile
        on
            cast(source_rows.`shop` as bigint) = profile.`id`
            and cast(source_rows.`decided_at` as timestamp) = profile.`valid_from`
    left join profile_2
        on
            cast(source_rows.`shop` as bigint) = profile_2.`id`
            and cast(source_rows.`decided_at` as timestamp) = profile_2.`valid_from`
    left join place
        on
            cast(source_rows.`shop` as bigint) = place.`id`
)

select * from final
