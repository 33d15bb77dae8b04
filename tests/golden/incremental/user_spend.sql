-- 2 of 4 months: 2024-05 (vanished), 2024-06 (new)
-- replaces: period_start in (date '2024-05-01', date '2024-06-01')
with

input_rows as (
    select * from `features`.`incremental__stg_job_input`
    where
        cast(`timestamp` as timestamp) >= timestamp '2024-03-31' and cast(`timestamp` as timestamp) < timestamp '2024-07-01'
),

feature_set as (
    with

    amounts as (
        select
            `user_id`,
            `timestamp`,
            cast(`amount` as decimal(38, 2)) as _amount,
            unix_micros(cast(`timestamp` as timestamp)) as _event_micros
        from input_rows
        where `user_id` is not null and `timestamp` is not null
    ),

    entries as (
        select
            `user_id`,
            `timestamp`,
            _event_micros,
            coalesce(cast(_amount * 100 as decimal(28, 0)) * 10000000000 + 1, 0) as _entry
        from amounts
    ),

    entries_to_date as (
        select
            `user_id`,
            `timestamp`,
            _event_micros,
            lead(_event_micros) over (partition by `user_id` order by _event_micros) as _next_time,
            sum(_entry) over (
                partition by `user_id` order by _event_micros
                rows between unbounded preceding and current row
            ) as _entries
        from entries
    ),

    entries_at as (
        select * from entries_to_date
        where _next_time is null or _next_time > _event_micros
    ),

    entries_in_window as (
        select
            `user_id`,
            `timestamp`,
            _entries - coalesce(last_value(_entries) over (
                partition by `user_id` order by _event_micros
                range between unbounded preceding and 2592000000000 preceding
            ), 0) as _entries_30d
        from entries_at
    ),

    amounts_in_window as (
        select
            *,
            cast(pmod(_entries_30d, 10000000000) as bigint) as _amounts_30d
        from entries_in_window
    ),

    spend_in_window as (
        select
            `user_id`,
            `timestamp`,
            cast((_entries_30d - _amounts_30d) / 1000000000000 as decimal(38, 2)) as _spend_30d,
            _amounts_30d
        from amounts_in_window
    ),

    final as (
        select
            `user_id`,
            `timestamp`,
            case
                when _amounts_30d > 0 then cast(_spend_30d as decimal(38, 2))
            end as user_30d_total_spend,
            cast(_spend_30d as double) / nullif(_amounts_30d, 0) as user_30d_avg_spend
        from spend_in_window
    )

    select * from final
),

features as (
    select
        `user_id`,
        `timestamp`,
        `user_30d_total_spend`,
        `user_30d_avg_spend`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set
),

hashed_rows as (
    select
        cast(`timestamp` as date) as _day,
        xxhash64(0, `user_id`, `timestamp`, `amount`, `amount` is null) as _hash
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
        concat('e60c3abc7a76:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
    where features.period_start in (date '2024-05-01', date '2024-06-01')
)

select * from final
