-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`labels_v1__takings_rows`
),

feature_set as (
    with

    counted_rows as (
        select
            `shop_id` as _key,
            `sold_at` as _event_time,
            unix_micros(cast(`sold_at` as timestamp)) as _micros,
            `_asks` as _asks,
            `price` as _price,
            not `_asks` and `kind` = 'toy' as _where
        from input_rows
        where
            `shop_id` is not null
            and `sold_at` is not null
    ),

    looking_rows as (
        select
            *,
            explode(array(
                cast(604800000000 as bigint)
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
            _price,
            _where,
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
            -- _price_entries = value + 10^-12, for each value: the sum and the count of values in one number
            coalesce(
                cast(cast(_price as decimal(27, 12)) + 0.000000000001 as decimal(27, 12)),
                cast(0 as decimal(27, 12))
            ) as _price_entries,
            case when _where then 1 else 0 end as _where_rows
        from placed_rows
    ),

    states_to_date as (
        select
            _key,
            _event_time,
            _micros,
            _asks,
            _micros_back,
            sum(_price_entries) over (
                partition by _key order by _micros, _asks
                rows between unbounded preceding and current row
            ) as _price_entries,
            sum(_where_rows) over (
                partition by _key order by _micros, _asks
                rows between unbounded preceding and current row
            ) as _where_rows
        from terms
    ),

    asked_states as (
        select
            _key,
            _event_time,
            max(case when _micros_back = 0 then _price_entries end) as _price_entries,
            max(case when _micros_back = 0 then _where_rows end) as _where_rows,
            max(case when _micros_back = 604800000000 then _price_entries end) as _7d_ago_price_entries,
            max(case when _micros_back = 604800000000 then _where_rows end) as _7d_ago_where_rows
        from states_to_date
        where _asks
        group by _key, _event_time
    ),

    in_windows as (
        select
            _key,
            _event_time,
            _price_entries - coalesce(_7d_ago_price_entries, cast(0 as decimal(37, 12))) as _price_entries_7d,
            _price_entries as _price_entries_lifetime,
            _where_rows - coalesce(_7d_ago_where_rows, 0) as _where_rows_7d
        from asked_states
    ),

    totals as (
        select
            *,
            cast(cast(_price_entries_7d as decimal(28, 2)) as decimal(38, 2)) as _price_total_7d,
            cast(
                pmod(_price_entries_7d, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _price_values_7d,
            cast(cast(_price_entries_lifetime as decimal(28, 2)) as decimal(38, 2)) as _price_total_lifetime,
            cast(
                pmod(_price_entries_lifetime, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _price_values_lifetime
        from in_windows
    ),

    final as (
        select
            _key as `shop_id`,
            _event_time as `sold_at`,
            case when _price_values_7d > 0 then _price_total_7d end as `taken_7d`,
            case when _price_values_lifetime > 0 then _price_total_lifetime end as `taken_lifetime`,
            _where_rows_7d as `count_7d`
        from totals
    )

    select * from final
),

features as (
    select
        `shop_id`,
        `sold_at`,
        `taken_7d`,
        `taken_lifetime`,
        `count_7d`
    from feature_set
),

hashed_rows as (
    select xxhash64(
            0,
            `shop_id`,
            `sold_at`,
            `price`,
            `price` is null,
            `kind`,
            `kind` is null,
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
        concat('9481f77943ad:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
