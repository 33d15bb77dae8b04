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
            `amount` as _amount,
            `user_id` as _user,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _event_micros
        from input_rows_0
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
                range between unbounded preceding and 86400000000 preceding
            ) as _before_1d
        from sums_at
    ),

    sums_in_windows as (
        select
            _user,
            _event_time,
            _entries - coalesce(_before_1d, cast(0 as decimal(37, 12))) as _entries_1d
        from sums_before_windows
    ),

    totals as (
        select
            _user,
            _event_time,
            cast(_entries_1d as decimal(28, 2)) as _total_1d,
            cast(
                pmod(_entries_1d, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _amounts_1d
        from sums_in_windows
    ),

    spend as (
        select
            _user,
            _event_time,
            cast(_total_1d as decimal(38, 2)) as _spend_1d,
            _amounts_1d
        from totals
    ),

    averages as (
        select
            *,
            case
                when _spend_1d between -90071992547409.92 and 90071992547409.92 then cast(_spend_1d as double)
                else cast(cast(_spend_1d as string) as double)
            end as _double_1d
        from spend
    ),

    final as (
        select
            _user as `user_id`,
            _event_time as `timestamp`,
            case when _amounts_1d > 0 then _spend_1d end as user_1d_total_spend,
            _double_1d / nullif(_amounts_1d, 0) as user_1d_avg_spend
        from averages
    )

    select * from final
),

input_rows_1 as (
    select * from `features`.`several_sets__stg_job_input`
),

feature_set_1 as (
    with

    given_amounts as (
        select
            cast(`fee` as double) as _given,
            `user_id` as _user,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _event_micros
        from input_rows_1
        where `user_id` is not null and `timestamp` is not null
    ),

    sized_amounts as (
        select
            _user,
            _event_time,
            _event_micros,
            _given,
            case when _given < 0 then -1 else 1 end as _sign,
            abs(_given) as _size,
            floor(case when abs(_given) < 500000000D then abs(_given) * 1000000D end) as _millionths
        from given_amounts
    ),

    -- A double from 2^53 on, as the whole number that it is; and the place of its 17th digit.
    whole_amounts as (
        select
            *,
            case when _size >= 9007199254740992D and _size < 1e22D then cast(
                cast(floor(_size / 4294967296D) as decimal(13, 0)) * cast(4294967296 as decimal(10, 0))
                + cast(cast(_size % 4294967296D as bigint) as decimal(10, 0)) as decimal(22, 0)
            ) end as _whole,
            case
                when _size < 1e17D then cast(1 as decimal(1, 0))
                when _size < 1e18D then cast(10 as decimal(2, 0))
                when _size < 1e19D then cast(100 as decimal(3, 0))
                when _size < 1e20D then cast(1000 as decimal(4, 0))
                when _size < 1e21D then cast(10000 as decimal(5, 0))
                else cast(100000 as decimal(6, 0))
            end as _place
        from sized_amounts
    ),

    rounded_amounts as (
        select
            *,
            cast(
                _whole - _whole % (_place * 100)
                + case when _whole % (_place * 100) * 2 >= (_place * 100) then (_place * 100) else 0 end as decimal(23, 0)
            ) as _of_15_digits,
            cast(
                _whole - _whole % (_place * 10)
                + case when _whole % (_place * 10) * 2 >= (_place * 10) then (_place * 10) else 0 end as decimal(23, 0)
            ) as _of_16_digits,
            cast(
                _whole - _whole % _place
                + case when _whole % _place * 2 >= _place then _place else 0 end as decimal(23, 0)
            ) as _of_17_digits
        from whole_amounts
    ),

    amounts as (
        select
            _user,
            _event_time,
            _event_micros,
            case
                when _size < 500000000D then cast(cast(
                    (_millionths + case when _size >= (2 * _millionths + 1) / 2000000D then 1 else 0 end) * _sign as decimal(15, 0)
                ) * 0.000001 as decimal(28, 6))
                when _size < 9007199254740992D then cast(cast(_given as string) as decimal(28, 6))
                when cast(_of_15_digits as double) = _size then cast(_of_15_digits * _sign as decimal(28, 6))
                when cast(_of_16_digits as double) = _size then cast(_of_16_digits * _sign as decimal(28, 6))
                when _size < 1e22D then cast(_of_17_digits * _sign as decimal(28, 6))
                when _size <= 1.7976931348623157e308D then raise_error(concat(
                    '[FP_AMOUNT_WITHOUT_ROOM] ',
                    'amounts of column `fee`: expected floating-point amounts below 10^22, found a larger one;',
                    ' leave such rows out with `filters`, or correct them in the source'
                ))
            end as _amount
        from rounded_amounts
    ),

    terms as (
        select
            _user,
            _event_time,
            _event_micros,
            coalesce(cast(_amount as decimal(28, 6)), cast(0 as decimal(28, 6))) as _total,
            case when _amount is null then 0 else 1 end as _amounts
        from amounts
    ),

    sums_to_date as (
        select
            _user,
            _event_time,
            _event_micros,
            lead(_event_micros) over (partition by _user order by _event_micros) as _next_time,
            sum(_total) over (
                partition by _user order by _event_micros
                rows between unbounded preceding and current row
            ) as _total,
            sum(_amounts) over (
                partition by _user order by _event_micros
                rows between unbounded preceding and current row
            ) as _amounts
        from terms
    ),

    sums_at as (
        select * from sums_to_date
        where _next_time is null or _next_time > _event_micros
    ),

    sums_before_windows as (
        select
            *,
            last_value(named_struct('_total', _total, '_amounts', _amounts)) over (
                partition by _user order by _event_micros
                range between unbounded preceding and 172800000000 preceding
            ) as _before_2d
        from sums_at
    ),

    sums_in_windows as (
        select
            _user,
            _event_time,
            _total - coalesce(_before_2d._total, cast(0 as decimal(38, 6))) as _total_2d,
            _amounts - coalesce(_before_2d._amounts, 0) as _amounts_2d
        from sums_before_windows
    ),

    totals as (
        select
            _user,
            _event_time,
            _total_2d,
            _amounts_2d
        from sums_in_windows
    ),

    spend as (
        select
            _user,
            _event_time,
            cast(_total_2d as decimal(38, 6)) as _spend_2d,
            _amounts_2d
        from totals
    ),

    averages as (
        select
            *,
            case
                when _spend_2d between -9007199254.740992 and 9007199254.740992 then cast(_spend_2d as double)
                else cast(cast(_spend_2d as string) as double)
            end as _double_2d
        from spend
    ),

    final as (
        select
            _user as `user_id`,
            _event_time as `timestamp`,
            case when _amounts_2d > 0 then _double_2d end as user_2d_total_spend,
            _double_2d / nullif(_amounts_2d, 0) as user_2d_avg_spend
        from averages
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
        concat('1002ee21c53e:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
