with

asking_rows as (
    select * from `features`.`labels_v1__stg_job_input`
),

source_rows as (
    select * from `features`.`shop_versions`
),

rows_that_count as (
    select
        cast(`id` as bigint) as `id`,
        cast(`valid_from` as timestamp) as `valid_from`,
        `region`,
        `revision`
    from source_rows
    where
        `id` is not null
        and `valid_from` is not null
),

asked as (
    select distinct
        cast(`shop` as bigint) as `id`,
        cast(`decided_at` as timestamp) as `valid_from`
    from asking_rows
    where
        `shop` is not null
        and `decided_at` is not null
),

asked_keys as (
    select
        `id`,
        min(unix_micros(cast(`valid_from` as timestamp))) as _first,
        max(unix_micros(cast(`valid_from` as timestamp))) as _last
    from asked
    group by `id`
),

rows_in_reach as (
    select rows_that_count.*
    from asked_keys
    inner join rows_that_count
        on
            asked_keys.`id` = rows_that_count.`id`
            and unix_micros(cast(rows_that_count.`valid_from` as timestamp)) <= asked_keys._last
),

final as (
    select
        `id`,
        `valid_from`,
        `region`,
        `revision`,
        false as _asks
    from rows_in_reach
    union all
    select
        `id`,
        `valid_from`,
        cast(null as string) as `region`,
        cast(null as int) as `revision`,
        true as _asks
    from asked
)

select * from final
