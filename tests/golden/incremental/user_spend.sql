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
            `amount` as _amount,
            `user_id` as _user,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _event_micros
        from input_rows
        where `user_id` is not null and `timestamp` is not null
    ),

    terms as (
        select
            _user,
            _event_time,
            _event_micros,
            -- _entries = amount + 10^-12, for each amount: the sum and the count of amounts in one number
            coalesce(cast(cast(_amount as decimal(27, 12)) + 0.000000000001 as decimal(27, 12)), cast(0 as decimal(27, 12))) as _entries
        from amounts
    ),

    sums_to_date as (
        select
            _user,
            _event_time,
            _event_micros,
            lead(_event_micros) over (partition by _user order by _event_micros) as _next_time,
            sum(_entries) over (
                partition by _user order by _event_micros
                rows between unbounded preceding and current row
            ) as _entries
        from terms
    ),

    sums_at as (
        select * from sums_to_date
        where _next_time is null or _next_time > _event_micros
    ),

    sums_before_windows as (
        select
            *,
            last_value(_entries) over (
                partition by _user order by _event_micros
                range between unbounded preceding and 2592000000000 preceding
            ) as _before_30d
        from sums_at
    ),

    sums_in_windows as (
        select
            _user,
            _event_time,
            _entries - coalesce(_before_30d, cast(0 as decimal(37, 12))) as _entries_30d
        from sums_before_windows
    ),

    totals as (
        select
            _user,
            _event_time,
            cast(_entries_30d as decimal(28, 2)) as _total_30d,
            cast(
                pmod(_entries_30d, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _amounts_30d
        from sums_in_windows
    ),

    spend as (
        select
            _user,
            _event_time,
            cast(_total_30d as decimal(38, 2)) as _spend_30d,
            _amounts_30d
        from totals
    ),

    averages as (
        select
            *,
            case
                when _spend_30d between -90071992547409.92 and 90071992547409.92 then cast(_spend_30d as double)
                else cast(cast(_spend_30d as string) as double)
            end as _double_30d
        from spend
    ),

    final as (
        select
            _user as `user_id`,
            _event_time as `timestamp`,
            case when _amounts_30d > 0 then _spend_30d end as user_30d_total_spend,
            _double_30d / nullif(_amounts_30d, 0) as user_30d_avg_spend
        from averages
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
        xxhash64(
            0,
            `user_id`,
            `timestamp`,
            `amount`,
            `amount` is null
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
        concat('0b0e93a02dac:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
