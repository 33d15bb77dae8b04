-- 2 of 4 months: 2024-05 (vanished), 2024-06 (new)
-- replaces: period_start in (date '2024-05-01', date '2024-06-01')
with

input_rows as (
    select * from `features`.`incremental__stg_job_input`
    where
        cast(`timestamp` as timestamp) < timestamp '2024-07-01'
),

feature_set as (
    with

    counted_rows as (
        select
            `user_id` as _key,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _micros,
            cast(`category` as string) = 'a' as _where,
            `amount` as _amount
        from input_rows
        where
            `user_id` is not null
            and `timestamp` is not null
    ),

    each_term as (
        select
            _key,
            _event_time,
            _micros,
            coalesce(cast(case when _where then _amount end as decimal(27, 2)), cast(0 as decimal(27, 2))) as _amount_where_total
        from counted_rows
    ),

    earlier_terms as (
        select
            _key,
            max(_event_time) as _event_time,
            max(_micros) as _micros,
            sum(_amount_where_total) as _amount_where_total
        from each_term
        where _micros < unix_micros(timestamp '2024-04-30')
        group by _key
    ),

    terms as (
        select
            _key,
            _event_time,
            _micros,
            _amount_where_total
        from each_term
        where _micros >= unix_micros(timestamp '2024-04-30')
        union all
        select
            _key,
            _event_time,
            _micros,
            _amount_where_total
        from earlier_terms
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
            cast(_amount_where_total as decimal(38, 2)) as _amount_where_total_lifetime
        from instants
    ),

    final as (
        select
            _key as `user_id`,
            _event_time as `timestamp`,
            _amount_where_total_lifetime as `user_total_spend_a`
        from in_windows
    )

    select * from final
),

features as (
    select
        `user_id`,
        `timestamp`,
        `user_total_spend_a`,
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
        concat('74dd46113b32:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
