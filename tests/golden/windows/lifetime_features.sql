-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`windows__stg_job_input`
),

feature_set as (
    with

    counted_rows as (
        select
            `user_id` as _key_1,
            `category` as _key_2,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _micros,
            `amount` as _amount,
            `fee` as _fee
        from input_rows
        where
            `user_id` is not null
            and `category` is not null
            and `timestamp` is not null
    ),

    measured_rows as (
        select
            *,
            case when isnan(_fee) then cast('NaN' as double) else _fee + cast(0 as double) end as _fee_order
        from counted_rows
    ),

    terms as (
        select
            _key_1,
            _key_2,
            _event_time,
            _micros,
            case when _amount is not null then 1 else 0 end as _amount_count
        from measured_rows
    ),

    states_to_date as (
        select
            _key_1,
            _key_2,
            _event_time,
            _micros,
            sum(_amount_count) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_count,
            lead(_micros) over (partition by _key_1, _key_2 order by _micros) as _next_time
        from terms
    ),

    instants as (
        select * from states_to_date
        where _next_time is null or _next_time > _micros
    ),

    in_windows as (
        select
            _key_1,
            _key_2,
            _event_time,
            _micros,
            _amount_count as _amount_count_until_lifetime,
            0 as _amount_count_since_lifetime
        from instants
    ),

    _amount_in_order as (
        select
            _key_1,
            _key_2,
            _amount as _value,
            row_number() over (
                partition by _key_1, _key_2
                order by
                    _micros,
                    _fee_order,
                    _amount
            ) as _position
        from measured_rows
        where _amount is not null
    ),

    positioned as (
        select
            windowed.*,
            _amount_in_order_at_1._value as _amount_in_order_at_1_value
        from in_windows as windowed
        left join _amount_in_order as _amount_in_order_at_1
            on
                windowed._key_1 = _amount_in_order_at_1._key_1
                and windowed._key_2 = _amount_in_order_at_1._key_2
                and windowed._amount_count_until_lifetime = _amount_in_order_at_1._position
    ),

    final as (
        select
            _key_1 as `user_id`,
            _key_2 as `category`,
            _event_time as `timestamp`,
            case when _amount_count_until_lifetime > _amount_count_since_lifetime then _amount_in_order_at_1_value end as `amount_last_lifetime`
        from positioned
    )

    select * from final
),

features as (
    select
        `user_id`,
        `category`,
        `timestamp`,
        `amount_last_lifetime`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set
),

hashed_rows as (
    select
        cast(`timestamp` as date) as _day,
        xxhash64(
            0,
            `user_id`,
            `category`,
            `timestamp`,
            `amount`,
            `amount` is null,
            case when isnan(`fee`) then cast('NaN' as double) else `fee` + cast(0 as double) end,
            case when `fee` = 0 then cast(`fee` as string) end,
            `fee` is null
        ) as _hash
    from input_rows
    where
        `user_id` is not null
        and `category` is not null
        and `timestamp` is not null
),

input_days as (
    select
        _day,
        count(*) as _rows,
        sum(_hash & 4294967295) as _low_bits,
        sum(shiftright(_hash, 32)) as _high_bits
    from hashed_rows
    group by _day
),

days_in_period as (
    select
        *,
        make_date(year(_day), month(_day), 1) as period_start
    from input_days
),

input_periods as (
    select
        period_start,
        sum(_rows) as input_rows,
        concat('7f5f916a7b48:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
    from days_in_period
    group by period_start
),

final as (
    select
        features.*,
        input_periods._input_fingerprint
    from input_periods
    inner join features
        on input_periods.period_start = features.period_start
)

select * from final
