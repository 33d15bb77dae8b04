-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`as_of__stg_job_input`
),

feature_set as (
    with

    amounts as (
        select
            `amount` as _amount,
            `user_id` as _user,
            cast(`category` as string) as _category,
            `timestamp` as _event_time
        from input_rows
        where `user_id` is not null and `timestamp` is not null
    ),

    terms as (
        select
            _user,
            _event_time,
            coalesce(case when _category = 'it\'s' then cast(_amount as decimal(27, 2)) end, cast(0 as decimal(27, 2))) as _total_0,
            coalesce(case when _category = 'food & drink' then cast(_amount as decimal(27, 2)) end, cast(0 as decimal(27, 2))) as _total_1
        from amounts
    ),

    sums_to_date as (
        select
            _user,
            _event_time,
            lead(_event_time) over (partition by _user order by _event_time) as _next_time,
            sum(_total_0) over (
                partition by _user order by _event_time
                rows between unbounded preceding and current row
            ) as _total_0,
            sum(_total_1) over (
                partition by _user order by _event_time
                rows between unbounded preceding and current row
            ) as _total_1
        from terms
    ),

    sums as (
        select * from sums_to_date
        where _next_time is null or _next_time > _event_time
    ),

    totals as (
        select
            _user,
            _event_time,
            _total_0,
            _total_1
        from sums
    ),

    spend as (
        select
            _user,
            _event_time,
            cast(_total_0 as decimal(38, 2)) as _spend_0,
            cast(_total_1 as decimal(38, 2)) as _spend_1
        from totals
    ),

    final as (
        select
            _user as `user_id`,
            _event_time as `timestamp`,
            _spend_0 as user_total_spend_it_s,
            _spend_1 as user_total_spend_food_drink
        from spend
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
        concat('1810790a5561:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
