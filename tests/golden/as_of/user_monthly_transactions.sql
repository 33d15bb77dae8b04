-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`as_of__stg_job_input`
),

feature_set as (
    with

    transactions as (
        select
            `user_id` as _user,
            `timestamp` as _event_time,
            cast(`timestamp` as date) as _day
        from input_rows
        where `user_id` is not null and `timestamp` is not null
    ),

    transactions_in_month as (
        select
            _user,
            _event_time,
            make_date(year(_day), month(_day), 1) as _month
        from transactions
    ),

    transactions_to_date as (
        select
            _user,
            _event_time,
            _month,
            lead(_event_time) over (partition by _user, _month order by _event_time) as _next_time,
            sum(1) over (
                partition by _user, _month order by _event_time
                rows between unbounded preceding and current row
            ) as _transactions
        from transactions_in_month
    ),

    final as (
        select
            _user as `user_id`,
            _event_time as `timestamp`,
            _transactions as user_monthly_txn_count,
            date_format(_month, 'yyyy-MM') as year_month
        from transactions_to_date
        where _next_time is null or _next_time > _event_time
    )

    select * from final
),

features as (
    select
        `user_id`,
        `timestamp`,
        `year_month`,
        `user_monthly_txn_count`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set
),

hashed_rows as (
    select
        cast(`timestamp` as date) as _day,
        xxhash64(
            0,
            `user_id`,
            `timestamp`
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
        concat('608b9cb099d7:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
