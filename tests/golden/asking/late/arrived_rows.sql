with

asking_rows as (
    select * from `features`.`late_v1__stg_job_input`
),

source_rows as (
    select * from `sources`.`arrivals`
),

rows_that_count as (
    select
        cast(`shop_id` as bigint) as `shop_id`,
        cast(`sold_at` as timestamp) as `sold_at`,
        `price`,
        `kind`,
        greatest(unix_micros(cast(`sold_at` as timestamp)), coalesce(unix_micros(cast(`loaded` as timestamp)), 1000000000000000000)) as _arrival
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

late_rows as (
    select
        `shop_id`,
        unix_micros(cast(`sold_at` as timestamp)) as _happened,
        _arrival
    from rows_in_reach
    where _arrival > unix_micros(cast(`sold_at` as timestamp))
),

-- A row is missing from when it happened until it arrives.
changes as (
    select
        `shop_id`,
        _happened as _at,
        1 as _missing
    from late_rows
    union all
    select
        `shop_id`,
        _arrival as _at,
        -1 as _missing
    from late_rows
    union all
    select
        `shop_id`,
        unix_micros(cast(`sold_at` as timestamp)) as _at,
        0 as _missing
    from asked
),

changes_at_instants as (
    select
        `shop_id`,
        _at,
        sum(_missing) as _missing
    from changes
    group by `shop_id`, _at
),

missing_to_date as (
    select
        `shop_id`,
        _at,
        sum(_missing) over (
            partition by `shop_id` order by _at
            rows between unbounded preceding and current row
        ) as _missing
    from changes_at_instants
),

questions as (
    select
        asked.*,
        case when missing_to_date._missing > 0 then missing_to_date._at else -1000000000000000000 end as _known_at
    from asked
    inner join missing_to_date
        on
            asked.`shop_id` = missing_to_date.`shop_id`
            and unix_micros(cast(asked.`sold_at` as timestamp)) = missing_to_date._at
),

copies as (
    select
        rows_in_reach.*,
        questions._known_at
    from questions
    inner join rows_in_reach
        on
            questions.`shop_id` = rows_in_reach.`shop_id`
            and questions._known_at >= rows_in_reach._arrival
            and questions._known_at >= unix_micros(cast(rows_in_reach.`sold_at` as timestamp))
    where questions._known_at != -1000000000000000000
),

final as (
    select
        `shop_id`,
        `sold_at`,
        `price`,
        `kind`,
        false as _asks,
        -1000000000000000000 as _known_at
    from rows_in_reach
    union all
    select
        `shop_id`,
        `sold_at`,
        `price`,
        `kind`,
        false as _asks,
        _known_at
    from copies
    union all
    select
        `shop_id`,
        `sold_at`,
        cast(null as decimal(10, 2)) as `price`,
        cast(null as string) as `kind`,
        true as _asks,
        _known_at
    from questions
)

select * from final
