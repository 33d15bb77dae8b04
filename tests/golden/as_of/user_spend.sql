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
            case when abs(`fee`) < 1e22 then try_cast(`fee` as decimal(28, 6)) end as _amount,
            unix_micros(cast(`timestamp` as timestamp)) as _event_micros
        from input_rows
        where `user_id` is not null and `timestamp` is not null
    ),

    spend as (
        select
            `user_id`,
            `timestamp`,
            _event_micros,
            coalesce(_amount, 0) as _spend,
            case when _amount is null then 0 else 1 end as _amounts
        from amounts
    ),

    spend_to_date as (
        select
            `user_id`,
            `timestamp`,
            _event_micros,
            lead(_event_micros) over (partition by `user_id` order by _event_micros) as _next_time,
            sum(_spend) over (
                partition by `user_id` order by _event_micros
                rows between unbounded preceding and current row
            ) as _spend,
            sum(_amounts) over (
                partition by `user_id` order by _event_micros
                rows between unbounded preceding and current row
            ) as _amounts
        from spend
    ),

    spend_at as (
        select * from spend_to_date
        where _next_time is null or _next_time > _event_micros
    ),

    spend_before_window as (
        select
            *,
            last_value(named_struct('spend', _spend, 'amounts', _amounts)) over (
                partition by `user_id` order by _event_micros
                range between unbounded preceding and 2592000000000 preceding
            ) as _before_30d
        from spend_at
    ),

    spend_in_window as (
        select
            `user_id`,
            `timestamp`,
            _spend - coalesce(_before_30d.spend, 0) as _spend_30d,
            _amounts - coalesce(_before_30d.amounts, 0) as _amounts_30d
        from spend_before_window
    ),

    final as (
        select
            `user_id`,
            `timestamp`,
            case
                when _amounts_30d > 0 then cast(_spend_30d as double)
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
        xxhash64(0, `user_id`, `timestamp`, case when isnan(`fee`) then cast('NaN' as double) else `fee` + cast(0 as double) end, case when `fee` = 0 then cast(`fee` as string) end, `fee` is null) as _hash
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
        concat('0eebb3f02468:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
