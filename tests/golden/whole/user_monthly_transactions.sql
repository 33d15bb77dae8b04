-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`whole__stg_job_input`
),

feature_set as (
    with

    transactions as (
        select
            `user_id` as _user,
            cast(`timestamp` as date) as _day
        from input_rows
        where `user_id` is not null and `timestamp` is not null
    ),

    transactions_in_month as (
        select
            _user,
            make_date(year(_day), month(_day), 1) as _month
        from transactions
    ),

    final as (
        select
            _user as `user_id`,
            date_format(_month, 'yyyy-MM') as year_month,
            count(*) as user_monthly_txn_count
        from transactions_in_month
        group by _user, _month
    )

    select * from final
),

features as (
    select
        `user_id`,
        `year_month`,
        `user_monthly_txn_count`,
        make_date(year(cast(concat(`year_month`, '-01') as date)), month(cast(concat(`year_month`, '-01') as date)), 1) as period_start
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
        concat('dab880209624:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
