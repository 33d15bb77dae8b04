with

asking_rows as (
    select * from `features`.`labels_v1__stg_job_input`
),

source_rows as (
    select * from `sources`.`sales`
),

rows_that_count as (
    select
        cast(`shop_id` as bigint) as `shop_id`,
        cast(`sold_at` as timestamp) as `sold_at`,
        `price`,
        `kind`
    from source_rows
    where
        `shop_id` is not null
        and `sold_at` is not null
),

asked as (
    select distinct
        cast(`shop` as bigint) as `shop_id`,
        cast(`decided_at` as timestamp) as `sold_at`
    from asking_rows
    where
        `shop` is not null
        and `decided_at` is not null
),

asked_keys as (
    select
        `shop_id`,
        min(unix_micros(cast(`sold_at` as timestamp))) as _first,
        max(unix_micros(cast(`sold_at` as timestamp))) as _last
    from asked
    group by `shop_id`
),

rows_in_reach as (
    select rows_that_count.*
    from asked_keys
    inner join rows_that_count
        on
            asked_keys.`shop_id` = rows_that_count.`shop_id`
            and unix_micros(cast(rows_that_count.`sold_at` as timestamp)) <= asked_keys._last
),

final as (
    select
        `shop_id`,
        `sold_at`,
        `price`,
        `kind`,
        false as _asks
    from rows_in_reach
    union all
    select
        `shop_id`,
        `sold_at`,
        cast(null as decimal(10, 2)) as `price`,
        cast(null as string) as `kind`,
        true as _asks
    from asked
)

select * from final
