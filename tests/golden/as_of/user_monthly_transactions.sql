-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`as_of__stg_job_input`
),

feature_set as (
    with

    counts as (
        with

        counted_rows as (
            select
                `user_id` as _key,
                `timestamp` as _event_time,
                unix_micros(cast(`timestamp` as timestamp)) as _micros,
                cast(`timestamp` as date) as _date
            from input_rows
            where
                `user_id` is not null
                and `timestamp` is not null
        ),

        dated_rows as (
            select
                *,
                year(_date) * 12 + month(_date) as _month
            from counted_rows
        ),

        terms as (
            select
                _key,
                _event_time,
                _micros,
                _month,
                1 as _rows
            from dated_rows
        ),

        states_to_date as (
            select
                _key,
                _event_time,
                _micros,
                _month,
                lead(_month) over (partition by _key order by _micros) as _next_month,
                sum(_rows) over (
                    partition by _key order by _micros
                    rows between unbounded preceding and current row
                ) as _rows,
                lead(_micros) over (partition by _key order by _micros) as _next_time
            from terms
        ),

        instants as (
            select * from states_to_date
            where _next_time is null or _next_time > _micros
        ),

        looked_up as (
            select
                *,
                last_value(
                    case when _next_month is null or _next_month > _month then _rows end
                ) ignore nulls over (
                    partition by _key order by _month
                    range between unbounded preceding and 1 preceding
                ) as _before_month
            from instants
        ),

        in_windows as (
            select
                _key,
                _event_time,
                _rows - coalesce(_before_month, 0) as _rows_month
            from looked_up
        ),

        final as (
            select
                _key as `user_id`,
                _event_time as `timestamp`,
                _rows_month as `user_monthly_txn_count`
            from in_windows
        )

        select * from final
    ),

    final as (
        select
            *,
            date_format(cast(`timestamp` as date), 'yyyy-MM') as year_month
        from counts
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
        concat('790314ef6620:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
