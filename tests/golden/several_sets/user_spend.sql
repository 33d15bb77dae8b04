-- all rows: first run
-- replaces: everything
with

input_rows_0 as (
    select * from `features`.`several_sets__stg_job_input`
),

feature_set_0 as (
    with

    counted_rows as (
        select
            `user_id` as _key,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _micros,
            `amount` as _amount
        from input_rows_0
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
                range between unbounded preceding and 86400000000 preceding
            ) as _1d_ago
        from instants
    ),

    in_windows as (
        select
            _key,
            _event_time,
            _amount_entries - coalesce(_1d_ago, cast(0 as decimal(37, 12))) as _amount_entries_1d
        from looked_up
    ),

    totals as (
        select
            *,
            cast(cast(_amount_entries_1d as decimal(28, 2)) as decimal(38, 2)) as _amount_total_1d,
            cast(
                pmod(_amount_entries_1d, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _amount_values_1d
        from in_windows
    ),

    final as (
        select
            _key as `user_id`,
            _event_time as `timestamp`,
            case when _amount_values_1d > 0 then _amount_total_1d end as `user_1d_total_spend`,
            case
                when _amount_total_1d between -90071992547409.92 and 90071992547409.92
                    then cast(_amount_total_1d as double)
                else cast(cast(_amount_total_1d as string) as double)
            end / nullif(_amount_values_1d, 0) as `user_1d_avg_spend`
        from totals
    )

    select * from final
),

input_rows_1 as (
    select * from `features`.`several_sets__stg_job_input`
),

feature_set_1 as (
    with

    counted_rows as (
        select
            `user_id` as _key,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _micros,
            `fee` as _fee
        from input_rows_1
        where
            `user_id` is not null
            and `timestamp` is not null
    ),

    given_numbers as (
        select
            *,
            cast(_fee as double) as _fee_exact_given
        from counted_rows
    ),

    sized_doubles as (
        select
            *,
            case when _fee_exact_given < 0 then -1 else 1 end as _fee_exact_sign,
            abs(_fee_exact_given) as _fee_exact_size,
            floor(case when abs(_fee_exact_given) < 500000000D then abs(_fee_exact_given) * 1000000D end) as _fee_exact_millionths
        from given_numbers
    ),

    -- A double from 2^53 on, as the whole number that it is; and the place of its 17th digit.
    whole_doubles as (
        select
            *,
            case when _fee_exact_size >= 9007199254740992D and _fee_exact_size < 1e22D then cast(
                cast(floor(_fee_exact_size / 4294967296D) as decimal(13, 0)) * cast(4294967296 as decimal(10, 0))
                + cast(cast(_fee_exact_size % 4294967296D as bigint) as decimal(10, 0)) as decimal(22, 0)
            ) end as _fee_exact_whole,
            case
                when _fee_exact_size < 1e17D then cast(1 as decimal(1, 0))
                when _fee_exact_size < 1e18D then cast(10 as decimal(2, 0))
                when _fee_exact_size < 1e19D then cast(100 as decimal(3, 0))
                when _fee_exact_size < 1e20D then cast(1000 as decimal(4, 0))
                when _fee_exact_size < 1e21D then cast(10000 as decimal(5, 0))
                else cast(100000 as decimal(6, 0))
            end as _fee_exact_place
        from sized_doubles
    ),

    rounded_doubles as (
        select
            *,
            cast(
                _fee_exact_whole - _fee_exact_whole % (_fee_exact_place * 100)
                + case
                    when _fee_exact_whole % (_fee_exact_place * 100) * 2 >= (_fee_exact_place * 100) then (_fee_exact_place * 100) else 0
                end as decimal(23, 0)
            ) as _fee_exact_of_15_digits,
            cast(
                _fee_exact_whole - _fee_exact_whole % (_fee_exact_place * 10)
                + case
                    when _fee_exact_whole % (_fee_exact_place * 10) * 2 >= (_fee_exact_place * 10) then (_fee_exact_place * 10) else 0
                end as decimal(23, 0)
            ) as _fee_exact_of_16_digits,
            cast(
                _fee_exact_whole - _fee_exact_whole % _fee_exact_place
                + case
                    when _fee_exact_whole % _fee_exact_place * 2 >= _fee_exact_place then _fee_exact_place else 0
                end as decimal(23, 0)
            ) as _fee_exact_of_17_digits
        from whole_doubles
    ),

    exact_doubles as (
        select
            *,
            case
                when _fee_exact_size < 500000000D then cast(cast(
                    (
                        _fee_exact_millionths
                        + case when _fee_exact_size >= (2 * _fee_exact_millionths + 1) / 2000000D then 1 else 0 end
                    ) * _fee_exact_sign as decimal(15, 0)
                ) * 0.000001 as decimal(28, 6))
                when _fee_exact_size < 9007199254740992D then cast(cast(_fee_exact_given as string) as decimal(28, 6))
                when cast(_fee_exact_of_15_digits as double) = _fee_exact_size then cast(_fee_exact_of_15_digits * _fee_exact_sign as decimal(28, 6))
                when cast(_fee_exact_of_16_digits as double) = _fee_exact_size then cast(_fee_exact_of_16_digits * _fee_exact_sign as decimal(28, 6))
                when _fee_exact_size < 1e22D then cast(_fee_exact_of_17_digits * _fee_exact_sign as decimal(28, 6))
                when _fee_exact_size <= 1.7976931348623157e308D then raise_error(concat(
                    '[FP_AMOUNT_WITHOUT_ROOM] ',
                    'amounts of column `fee`: expected floating-point amounts below 10^22, found a larger one;',
                    ' leave such rows out with `filters`, or correct them in the source'
                ))
            end as _fee_exact
        from rounded_doubles
    ),

    terms as (
        select
            _key,
            _event_time,
            _micros,
            case when _fee_exact is not null then 1 else 0 end as _fee_exact_count,
            coalesce(cast(_fee_exact as decimal(28, 6)), cast(0 as decimal(28, 6))) as _fee_total
        from exact_doubles
    ),

    states_to_date as (
        select
            _key,
            _event_time,
            _micros,
            sum(_fee_exact_count) over (
                partition by _key order by _micros
                rows between unbounded preceding and current row
            ) as _fee_exact_count,
            sum(_fee_total) over (
                partition by _key order by _micros
                rows between unbounded preceding and current row
            ) as _fee_total,
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
            last_value(named_struct(
                    '_fee_exact_count', _fee_exact_count,
                    '_fee_total', _fee_total
                )) over (
                partition by _key order by _micros
                range between unbounded preceding and 172800000000 preceding
            ) as _2d_ago
        from instants
    ),

    in_windows as (
        select
            _key,
            _event_time,
            _fee_exact_count - coalesce(_2d_ago._fee_exact_count, 0) as _fee_exact_count_2d,
            cast(_fee_total - coalesce(_2d_ago._fee_total, cast(0 as decimal(38, 6))) as decimal(38, 6)) as _fee_total_2d
        from looked_up
    ),

    final as (
        select
            _key as `user_id`,
            _event_time as `timestamp`,
            case when _fee_exact_count_2d > 0 then case
                when _fee_total_2d between -9007199254.740992 and 9007199254.740992
                    then cast(_fee_total_2d as double)
                else cast(cast(_fee_total_2d as string) as double)
            end end as `user_2d_total_spend`,
            case
                when _fee_total_2d between -9007199254.740992 and 9007199254.740992
                    then cast(_fee_total_2d as double)
                else cast(cast(_fee_total_2d as string) as double)
            end / nullif(_fee_exact_count_2d, 0) as `user_2d_avg_spend`
        from in_windows
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
        cast(null as double) as `user_2d_total_spend`,
        cast(null as double) as `user_2d_avg_spend`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set_0
    union all
    select
        1 as _feature_set,
        `user_id`,
        `timestamp`,
        cast(null as decimal(38, 2)) as `user_1d_total_spend`,
        cast(null as double) as `user_1d_avg_spend`,
        `user_2d_total_spend`,
        `user_2d_avg_spend`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set_1
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
    from input_rows_0
    where
        `user_id` is not null
        and `timestamp` is not null
    union all
    select
        cast(`timestamp` as date) as _day,
        xxhash64(
            1,
            `user_id`,
            `timestamp`,
            case when isnan(`fee`) then cast('NaN' as double) else `fee` + cast(0 as double) end,
            case when `fee` = 0 then cast(`fee` as string) end,
            `fee` is null
        ) as _hash
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
        concat('09b35d69b44a:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
