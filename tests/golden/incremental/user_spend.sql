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

    counted_rows as (
        select
            `user_id` as _key,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _micros,
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
            -- _amount_entries = value + 10^-12, for each value: the sum and the count of values in one number
            coalesce(
                cast(cast(_amount as decimal(27, 12)) + 0.000000000001 as decimal(27, 12)),
                cast(0 as decimal(27, 12))
            ) as _amount_entries
        from counted_rows
    ),

    states_to_date as (
        select
            _key,
            _event_time,
            _micros,
            sum(_amount_entries) over (
                partition by _key order by _micros
                rows between unbounded preceding and current row
            ) as _amount_entries,
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
            last_value(_amount_entries) over (
                partition by _key order by _micros
                range between unbounded preceding and 2592000000000 preceding
            ) as _30d_ago
        from instants
    ),

    in_windows as (
        select
            _key,
            _event_time,
            _amount_entries - coalesce(_30d_ago, cast(0 as decimal(37, 12))) as _amount_entries_30d
        from looked_up
    ),

    totals as (
        select
            *,
            cast(cast(_amount_entries_30d as decimal(28, 2)) as decimal(38, 2)) as _amount_total_30d,
            cast(
                pmod(_amount_entries_30d, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _amount_values_30d
        from in_windows
    ),

    final as (
        select
            _key as `user_id`,
            _event_time as `timestamp`,
            case when _amount_values_30d > 0 then _amount_total_30d end as `user_30d_total_spend`,
            case
                when _amount_total_30d between -90071992547409.92 and 90071992547409.92
                    then cast(_amount_total_30d as double)
                else cast(cast(_amount_total_30d as string) as double)
            end / nullif(_amount_values_30d, 0) as `user_30d_avg_spend`
        from totals
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
        and (
            cast(`timestamp` as timestamp) >= timestamp '2024-05-01' and cast(`timestamp` as timestamp) < timestamp '2024-07-01'
        )
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
        concat('da55757418ff:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
