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
            `user_id`,
            `timestamp`,
            coalesce(case when cast(`category` as string) = 'it\'s' then cast(`amount` as decimal(38, 2)) end, 0) as _amount_0,
            coalesce(case when cast(`category` as string) = 'food & drink' then cast(`amount` as decimal(38, 2)) end, 0) as _amount_1
        from input_rows
        where `user_id` is not null and `timestamp` is not null
    ),

    spend_to_date as (
        select
            `user_id`,
            `timestamp`,
            lead(`timestamp`) over (partition by `user_id` order by `timestamp`) as _next_time,
            sum(_amount_0) over (
                partition by `user_id` order by `timestamp`
                rows between unbounded preceding and current row
            ) as user_total_spend_it_s,
            sum(_amount_1) over (
                partition by `user_id` order by `timestamp`
                rows between unbounded preceding and current row
            ) as user_total_spend_food_drink
        from amounts
    ),

    final as (
        select
            `user_id`,
            `timestamp`,
            cast(user_total_spend_it_s as decimal(38, 2)) as user_total_spend_it_s,
            cast(user_total_spend_food_drink as decimal(38, 2)) as user_total_spend_food_drink
        from spend_to_date
        where _next_time is null or _next_time > `timestamp`
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
        xxhash64(0, `user_id`, `timestamp`, `amount`, `amount` is null, `category`, `category` is null) as _hash
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
        concat('8f52f0f77861:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
