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

with_takings as (
    select
        source_rows.*,
        takings.`taken_7d`,
        takings.`taken_lifetime`,
        takings.`count_7d`
    from takings
    right join source_rows
        on
            takings.`shop_id` = cast(source_rows.`shop` as bigint)
            and takings.`sold_at` = cast(source_rows.`decided_at` as timestamp)
),

with_takings_2 as (
    select
        with_takings.*,
        takings_2.`taken_lifetime` as `rival_taken_lifetime`
    from takings_2
    right join with_takings
        on
            takings_2.`shop_id` = cast(with_takings.`rival` as bigint)
            and takings_2.`sold_at` = cast(with_takings.`decided_at` as timestamp)
),

with_profile as (
    select
        with_takings_2.*,
        profile.`region`
    from profile
    right join with_takings_2
        on
            profile.`id` = cast(with_takings_2.`shop` as bigint)
            and profile.`valid_from` = cast(with_takings_2.`decided_at` as timestamp)
),

with_profile_2 as (
    select
        with_profile.*,
        profile_2.`region` as `new_region`
    from profile_2
    right join with_profile
        on
            profile_2.`id` = cast(with_profile.`shop` as bigint)
            and profile_2.`valid_from` = cast(with_profile.`decided_at` as timestamp)
),

with_place as (
    select
        with_profile_2.*,
        place.`town`
    from place
    right join with_profile_2
        on
            place.`id` = cast(with_profile_2.`shop` as bigint)
),

final as (
    select
        with_place.`label`,
        with_place.`shop`,
        with_place.`rival`,
        with_place.`decided_at`,
        with_place.`taken_7d`,
        with_place.`taken_lifetime`,
        with_place.`count_7d`,
        with_place.`rival_taken_lifetime`,
        with_place.`region`,
        with_place.`new_region`,
        with_place.`town`
    from with_place
)

select * from final
