-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`as_of__stg_job_input`
),

feature_set as (
    with

    counted_rows as (
        select
            `user_id` as _key,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _micros,
            cast(`category` as string) = 'it\'s' as _where,
            cast(`category` as string) = 'food & drink' as _where_5,
            `amount` as _amount
        from input_rows
        where
            `user_id` is not null
            and `timestamp` is not null
    ),

    terms as (
        select
            _key,
            _event_time,
            _micros,
            coalesce(cast(case when _where then _amount end as decimal(27, 2)), cast(0 as decimal(27, 2))) as _amount_where_total,
            coalesce(cast(case when _where_5 then _amount end as decimal(27, 2)), cast(0 as decimal(27, 2))) as _amount_where_5_total
        from counted_rows
        -- sums to date of _key: _amount_where_total, _amount_where_5_total
    ),

    states_to_date as (
        select
            _key,
            _event_time,
            _micros,
            sum(_amount_where_total) over (
                partition by _key order by _micros
                rows between unbounded preceding and current row
            ) as _amount_where_total,
            sum(_amount_where_5_total) over (
                partition by _key order by _micros
                rows between unbounded preceding and current row
            ) as _amount_where_5_total,
            lead(_micros) over (partition by _key order by _micros) as _next_time
        from terms
    ),

    instants as (
        select * from states_to_date
        where _next_time is null or _next_time > _micros
    ),

    in_windows as (
        select
            _key,
            _event_time,
            cast(_amount_where_total as decimal(38, 2)) as _amount_where_total_lifetime,
            cast(_amount_where_5_total as decimal(38, 2)) as _amount_where_5_total_lifetime
        from instants
    ),

    final as (
        select
            _key as `user_id`,
            _event_time as `timestamp`,
            _amount_where_total_lifetime as `user_total_spend_it_s`,
            _amount_where_5_total_lifetime as `user_total_spend_food_drink`
        from in_windows
    )

    select * from final
),

features as (
    select
        `user_id`,
        `timestamp`,
        `user_total_spend_it_s`,
        `user_total_spend_food_drink`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set
),

hashed_rows as (
    select
        cast(`timestamp` as date) as _day,
        xxhash64(
            0,
            `user_id`,
            `timestamp`,
            `amount`,
            `amount` is null,
            `category`,
            `category` is null
        ) as _hash
    from input_rows
    where
        `user_id` is not null
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
        concat('ee844aca6771:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
