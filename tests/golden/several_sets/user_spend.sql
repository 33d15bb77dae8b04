-- all rows: first run
-- replaces: everything
with

input_rows_0 as (
    select * from `features`.`several_sets__stg_job_input`
),

feature_set_0 as (
    with

    amounts as (
        select
            `user_id`,
            `timestamp`,
            cast(`amount` as decimal(38, 2)) as _amount,
            unix_micros(cast(`timestamp` as timestamp)) as _event_micros
        from input_rows_0
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
                range between unbounded preceding and 86400000000 preceding
            ), 0) as _entries_1d
        from entries_at
    ),

    amounts_in_window as (
        select
            *,
            cast(pmod(_entries_1d, 10000000000) as bigint) as _amounts_1d
        from entries_in_window
    ),

    spend_in_window as (
        select
            `user_id`,
            `timestamp`,
            cast((_entries_1d - _amounts_1d) / 1000000000000 as decimal(38, 2)) as _spend_1d,
            _amounts_1d
        from amounts_in_window
    ),

    final as (
        select
            `user_id`,
            `timestamp`,
            case
                when _amounts_1d > 0 then cast(_spend_1d as decimal(38, 2))
            end as user_1d_total_spend,
            cast(_spend_1d as double) / nullif(_amounts_1d, 0) as user_1d_avg_spend
        from spend_in_window
    )

    select * from final
),

input_rows_1 as (
    select * from `features`.`several_sets__stg_job_input`
),

feature_set_1 as (
    with

    amounts as (
        select
            `user_id`,
            `timestamp`,
            case when abs(`fee`) < 1e22 then try_cast(`fee` as decimal(28, 6)) end as _amount,
            unix_micros(cast(`timestamp` as timestamp)) as _event_micros
        from input_rows_1
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
                range between unbounded preceding and 172800000000 preceding
            ) as _before_2d
        from spend_at
    ),

    spend_in_window as (
        select
            `user_id`,
            `timestamp`,
            _spend - coalesce(_before_2d.spend, 0) as _spend_2d,
            _amounts - coalesce(_before_2d.amounts, 0) as _amounts_2d
        from spend_before_window
    ),

    final as (
        select
            `user_id`,
            `timestamp`,
            case
                when _amounts_2d > 0 then cast(_spend_2d as double)
            end as user_2d_total_spend,
            cast(_spend_2d as double) / nullif(_amounts_2d, 0) as user_2d_avg_spend
        from spend_in_window
    )

    select * from final
),

features as (
    select
        0 as _feature_set,
        `user_id`,
        `timestamp`,
        `user_1d_total_spend`,
        `user_1d_avg_spend`,
        null as `user_2d_total_spend`,
        null as `user_2d_avg_spend`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set_0
    union all
    select
        1 as _feature_set,
        `user_id`,
        `timestamp`,
        null as `user_1d_total_spend`,
        null as `user_1d_avg_spend`,
        `user_2d_total_spend`,
        `user_2d_avg_spend`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set_1
),

hashed_rows as (
    select
        cast(`timestamp` as date) as _day,
        xxhash64(0, `user_id`, `timestamp`, `amount`, `amount` is null) as _hash
    from input_rows_0
    where
        `user_id` is not null
        and `timestamp` is not null
    union all
    select
        cast(`timestamp` as date) as _day,
        xxhash64(1, `user_id`, `timestamp`, case when isnan(`fee`) then cast('NaN' as double) else `fee` + cast(0 as double) end, case when `fee` = 0 then cast(`fee` as string) end, `fee` is null) as _hash
    from input_rows_1
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
        concat('7c297aa01abc:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
