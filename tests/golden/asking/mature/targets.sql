-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`mature_v1__targets_rows`
),

feature_set as (
    with

    counted_rows as (
        select
            `shop_id` as _key,
            `sold_at` as _event_time,
            unix_micros(cast(`sold_at` as timestamp)) as _micros,
            `_asks` as _asks
        from input_rows
        where
            `shop_id` is not null
            and `sold_at` is not null
    ),

    looking_rows as (
        select
            *,
            explode(array(
                cast(-2592000000000 as bigint)
            )) as _micros_back
        from counted_rows
        where _asks
    ),

    placed_rows as (
        select
            *,
            cast(0 as bigint) as _micros_back
        from counted_rows
        union all
        select
            _key,
            _event_time,
            _micros - _micros_back as _micros,
            _asks,
            _micros_back
        from looking_rows
    ),

    terms as (
        select
            _key,
            _event_time,
            _micros,
            _asks,
            _micros_back,
            case when not _asks then 1 else 0 end as _rows
        from placed_rows
    ),

    states_to_date as (
        select
            _key,
            _event_time,
            _micros,
            _asks,
            _micros_back,
            sum(_rows) over (
                partition by _key order by _micros, _asks
                rows between unbounded preceding and current row
            ) as _rows
        from terms
    ),

    asked_states as (
        select
            _key,
            _event_time,
            max(case when _micros_back = 0 then _rows end) as _rows,
            max(case when _micros_back = -2592000000000 then _rows end) as _30d_ahead
        from states_to_date
        where _asks
        group by _key, _event_time
    ),

    in_windows as (
        select
            _key,
            _event_time,
            coalesce(_30d_ahead, 0)
                - coalesce(_rows, 0) as _rows_next_30d
        from asked_states
    ),

    final as (
        select
            _key as `shop_id`,
            _event_time as `sold_at`,
            _rows_next_30d as `count_next_30d`
        from in_windows
    )

    select * from final
),

features as (
    select
        `shop_id`,
        `sold_at`,
        `count_next_30d`
    from feature_set
),

hashed_rows as (
    select xxhash64(
            0,
            `shop_id`,
            `sold_at`,
            `_asks`,
            `_asks` is null
        ) as _hash
    from input_rows
    where
        `shop_id` is not null
        and `sold_at` is not null
),

input_days as (
    select
        count(*) as _rows,
        sum(_hash & 4294967295) as _low_bits,
        sum(shiftright(_hash, 32)) as _high_bits
    from hashed_rows
),

input_periods as (
    select
        coalesce(sum(_rows), 0) as input_rows,
        concat('c51b80f23730:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
    from input_days
),

final as (
    select
        features.*,
        input_periods._input_fingerprint
    from input_periods
    cross join features
)

select * from final
