-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`windows__stg_job_input`
),

feature_set as (
    with

    counted_rows as (
        select
            `user_id` as _key_1,
            `category` as _key_2,
            `timestamp` as _event_time,
            unix_micros(cast(`timestamp` as timestamp)) as _micros,
            `category` = 'it\'s' as _where,
            `amount` as _amount,
            cast(from_utc_timestamp(cast(`timestamp` as timestamp), 'Europe/Prague') as date) as _date,
            `fee` as _fee
        from input_rows
        where
            `user_id` is not null
            and `category` is not null
            and `timestamp` is not null
    ),

    dated_rows as (
        select
            *,
            year(_date) * 12 + month(_date) as _month
        from counted_rows
    ),

    given_numbers as (
        select
            *,
            case when _where then cast(_fee as double) end as _fee_exact_given
        from dated_rows
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

    rows_with_neighbours as (
        select
            *,
            lag(named_struct(
                'value', _amount, 'micros', _micros, 'month', _month
            )) over (partition by _key_1, _key_2 order by _amount, _micros) as _amount_before,
            lead(named_struct(
                'value', _amount, 'micros', _micros, 'month', _month
            )) over (partition by _key_1, _key_2 order by _amount, _micros) as _amount_after
        from exact_doubles
    ),

    measured_rows as (
        select
            *,
            case
                when _amount > -cast(1000000000000 as decimal(13, 0)) and _amount < cast(1000000000000 as decimal(13, 0))
                    then cast(cast(_amount as decimal(14, 2)) * cast(100 as decimal(3, 0)) as decimal(14, 0))
                when _amount is not null then raise_error(concat(
                    '[FP_AMOUNT_WITHOUT_ROOM] ',
                    'amounts of column `amount`: expected at most 14 digits, up to the 2 decimal places of its type, for a variance;',
                    ' found more; leave such rows out with `where` or `filters`, or give the column fewer decimal places in the source'
                ))
            end as _amount_units,
            case when isnan(_fee) then cast('NaN' as double) else _fee + cast(0 as double) end as _fee_order
        from rows_with_neighbours
    ),

    terms as (
        select
            _key_1,
            _key_2,
            _event_time,
            _micros,
            _month,
            -- _amount_entries = value + 10^-12, for each value: the sum and the count of values in one number
            coalesce(
                cast(cast(_amount as decimal(27, 12)) + 0.000000000001 as decimal(27, 12)),
                cast(0 as decimal(27, 12))
            ) as _amount_entries,
            1 as _rows,
            coalesce(cast(case when _where then _fee_exact end as decimal(28, 6)), cast(0 as decimal(28, 6))) as _fee_where_total,
            coalesce(_amount_units, cast(0 as decimal(14, 0))) as _amount_units,
            coalesce(cast(_amount_units * _amount_units as decimal(28, 0)), cast(0 as decimal(28, 0))) as _amount_squares,
            case
                when _amount is not null and not coalesce(_amount_before.value = _amount and _amount_before.micros > _micros - 604800000000, false)
                    then 1
                else 0
            end as _amount_enters_7d,
            case
                when _amount is not null and not coalesce(_amount_after.value = _amount and _amount_after.micros < _micros + 604800000000, false)
                    then 1
                else 0
            end as _amount_leaves_7d,
            case
                when _amount is not null and not coalesce(_amount_before.value = _amount and _amount_before.month = _month, false)
                    then 1
                else 0
            end as _amount_enters_month,
            case when isnan(_fee) then cast('NaN' as double) else _fee + cast(0 as double) end as _fee_value,
            (_micros - pmod(_micros, 604800000000)) div 604800000000 as _block_7d,
            -- _amount_value = value; value +- block x 10^11 has an extreme to date that is one of the latest block
            _amount as _amount_value,
            case when _amount is not null then 1 else 0 end as _amount_count
        from measured_rows
    ),

    states_to_date as (
        select
            _key_1,
            _key_2,
            _event_time,
            _micros,
            _month,
            lead(_month) over (partition by _key_1, _key_2 order by _micros) as _next_month,
            sum(_amount_entries) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_entries,
            sum(_rows) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _rows,
            sum(_fee_where_total) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _fee_where_total,
            sum(_amount_units) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_units,
            sum(_amount_squares) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_squares,
            sum(_amount_enters_7d) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_enters_7d,
            sum(_amount_leaves_7d) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_leaves_7d,
            sum(_amount_enters_month) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_enters_month,
            min(_amount_value - cast(_block_7d as decimal(8, 0)) * cast(100000000000 as decimal(12, 0))) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_min_block_7d,
            min(_amount_value - cast(_month as decimal(10, 0)) * cast(100000000000 as decimal(12, 0))) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_min_month,
            sum(_amount_count) over (
                partition by _key_1, _key_2 order by _micros
                rows between unbounded preceding and current row
            ) as _amount_count,
            lead(_micros) over (partition by _key_1, _key_2 order by _micros) as _next_time,
            max(_fee_value) over (
                partition by _key_1, _key_2, _block_7d order by _micros
                range between unbounded preceding and current row
            ) as _fee_max_block_7d,
            _block_7d,
            max(_fee_value) over (
                partition by _key_1, _key_2, _block_7d order by _micros desc
                range between unbounded preceding and current row
            ) as _fee_max_block_7d_on,
            max(_fee_value) over (
                partition by _key_1, _key_2, _month order by _micros
                range between unbounded preceding and current row
            ) as _fee_max_month,
            min(_amount_value + cast(_block_7d as decimal(8, 0)) * cast(100000000000 as decimal(12, 0))) over (
                partition by _key_1, _key_2 order by _micros desc
                range between unbounded preceding and current row
            ) as _amount_min_block_7d_on
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
                    '_amount_entries', _amount_entries,
                    '_fee_where_total', _fee_where_total,
                    '_amount_units', _amount_units,
                    '_amount_squares', _amount_squares,
                    '_amount_leaves_7d', _amount_leaves_7d,
                    '_amount_count', _amount_count,
                    '_rows', _rows
                )) over (
                partition by _key_1, _key_2 order by _micros
                range between unbounded preceding and 604800000000 preceding
            ) as _7d_ago,
            last_value(_amount_entries) over (
                partition by _key_1, _key_2 order by _micros
                range between unbounded preceding and 3196800000000 preceding
            ) as _37d_ago,
            last_value(
                case when _next_month is null or _next_month > _month then named_struct(
                    '_amount_entries', _amount_entries,
                    '_rows', _rows,
                    '_amount_enters_month', _amount_enters_month
                ) end
            ) ignore nulls over (
                partition by _key_1, _key_2 order by _month
                range between unbounded preceding and 1 preceding
            ) as _before_month,
            last_value(_rows) over (
                partition by _key_1, _key_2 order by _micros
                range between unbounded preceding and 1 preceding
            ) as _before,
            last_value(_rows) over (
                partition by _key_1, _key_2 order by _micros
                range between unbounded preceding and 604800000001 preceding
            ) as _before_7d_ago,
            last_value(
                case when _next_month is null or _next_month > _month then _rows end
            ) ignore nulls over (
                partition by _key_1, _key_2 order by _month
                range between unbounded preceding and 2 preceding
            ) as _before_previous_month,
            last_value(named_struct(
                    '_fee_max_block_7d_on', _fee_max_block_7d_on,
                    '_block_7d', _block_7d,
                    '_amount_min_block_7d_on', _amount_min_block_7d_on
                )) over (
                partition by _key_1, _key_2 order by _micros desc
                range between unbounded preceding and 604799999999 following
            ) as _after_7d_ago
        from instants
    ),

    in_windows as (
        select
            _key_1,
            _key_2,
            _event_time,
            _micros,
            _amount_entries - coalesce(_7d_ago._amount_entries, cast(0 as decimal(37, 12))) as _amount_entries_7d,
            coalesce(_7d_ago._amount_entries, cast(0 as decimal(37, 12)))
                - coalesce(_37d_ago, cast(0 as decimal(37, 12))) as _amount_entries_30d_offset_7d,
            _amount_entries - coalesce(_before_month._amount_entries, cast(0 as decimal(37, 12))) as _amount_entries_month,
            coalesce(_before, 0)
                - coalesce(_before_7d_ago, 0) as _rows_7d_left,
            coalesce(_before_month._rows, 0)
                - coalesce(_before_previous_month, 0) as _rows_previous_month_left,
            cast(_fee_where_total - coalesce(_7d_ago._fee_where_total, cast(0 as decimal(38, 6))) as decimal(38, 6)) as _fee_where_total_7d,
            _amount_units - coalesce(_7d_ago._amount_units, cast(0 as decimal(24, 0))) as _amount_units_7d,
            _amount_squares - coalesce(_7d_ago._amount_squares, cast(0 as decimal(38, 0))) as _amount_squares_7d,
            _amount_enters_7d - coalesce(_7d_ago._amount_leaves_7d, 0) as _amount_distinct_7d,
            _amount_enters_month - coalesce(_before_month._amount_enters_month, 0) as _amount_enters_month_month,
            greatest(
                _fee_max_block_7d,
                case when _after_7d_ago._block_7d = _block_7d - 1 then _after_7d_ago._fee_max_block_7d_on end
            ) as _fee_max_7d,
            _fee_max_month,
            least(
                try_cast(
                    _amount_min_block_7d
                    + cast(_block_7d as decimal(8, 0)) * cast(100000000000 as decimal(12, 0)) as decimal(12, 2)
                ),
                try_cast(
                    _after_7d_ago._amount_min_block_7d_on
                    - cast(_block_7d - 1 as decimal(8, 0)) * cast(100000000000 as decimal(12, 0)) as decimal(12, 2)
                )
            ) as _amount_min_7d,
            try_cast(
                _amount_min_month
                + cast(_month as decimal(10, 0)) * cast(100000000000 as decimal(12, 0)) as decimal(12, 2)
            ) as _amount_min_month,
            _amount_count as _amount_count_until_7d,
            coalesce(_7d_ago._amount_count, 0) as _amount_count_since_7d,
            _rows as _rows_until_7d,
            coalesce(_7d_ago._rows, 0) as _rows_since_7d
        from looked_up
    ),

    totals as (
        select
            *,
            cast(cast(_amount_entries_7d as decimal(28, 2)) as decimal(38, 2)) as _amount_total_7d,
            cast(
                pmod(_amount_entries_7d, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _amount_values_7d,
            cast(cast(_amount_entries_30d_offset_7d as decimal(28, 2)) as decimal(38, 2)) as _amount_total_30d_offset_7d,
            cast(
                pmod(_amount_entries_30d_offset_7d, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _amount_values_30d_offset_7d,
            cast(cast(_amount_entries_month as decimal(28, 2)) as decimal(38, 2)) as _amount_total_month,
            cast(
                pmod(_amount_entries_month, 0.01) * cast(1000000000000 as decimal(13, 0)) as bigint
            ) as _amount_values_month
        from in_windows
    ),

    rounded_means as (
        select
            *,
            cast(round(cast(_amount_units_7d as double) / nullif(_amount_values_7d, 0)) as decimal(15, 0)) as _amount_7d_mean
        from totals
    ),

    deviations as (
        select
            *,
            cast(_amount_squares_7d - cast(
                _amount_7d_mean * cast(
                    2 * _amount_units_7d - cast(_amount_values_7d as decimal(10, 0)) * _amount_7d_mean as decimal(26, 0)
                ) as decimal(38, 0)
            ) as decimal(38, 0)) as _amount_7d_deviation,
            cast(_amount_units_7d - cast(_amount_values_7d as decimal(10, 0)) * _amount_7d_mean as double) as _amount_7d_rest
        from rounded_means
    ),

    _amount_in_order as (
        select
            _key_1,
            _key_2,
            _amount as _value,
            collect_list(_amount) over (
                partition by _key_1, _key_2
                order by
                    _micros,
                    _fee_order,
                    _amount
                rows between 2 preceding and current row
            ) as _last_3,
            row_number() over (
                partition by _key_1, _key_2
                order by
                    _micros,
                    _fee_order,
                    _amount
            ) as _position
        from measured_rows
        where _amount is not null
    ),

    _micros_in_order as (
        select
            _key_1,
            _key_2,
            _micros as _value,
            row_number() over (
                partition by _key_1, _key_2
                order by
                    _micros
            ) as _position
        from measured_rows
    ),

    positioned as (
        select
            windowed.*,
            _amount_in_order_at_1._value as _amount_in_order_at_1_value,
            _amount_in_order_at_1._last_3 as _amount_in_order_at_1_last_3,
            _micros_in_order_at_2._value as _micros_in_order_at_2_value
        from deviations as windowed
        left join _amount_in_order as _amount_in_order_at_1
            on
                windowed._key_1 = _amount_in_order_at_1._key_1
                and windowed._key_2 = _amount_in_order_at_1._key_2
                and windowed._amount_count_until_7d = _amount_in_order_at_1._position
        left join _micros_in_order as _micros_in_order_at_2
            on
                windowed._key_1 = _micros_in_order_at_2._key_1
                and windowed._key_2 = _micros_in_order_at_2._key_2
                and windowed._rows_since_7d + 1 = _micros_in_order_at_2._position
    ),

    final as (
        select
            _key_1 as `user_id`,
            _key_2 as `category`,
            _event_time as `timestamp`,
            case when _amount_values_7d > 0 then _amount_total_7d end as `amount_sum_7d`,
            case when _amount_values_30d_offset_7d > 0 then _amount_total_30d_offset_7d end as `amount_sum_30d_offset_7d`,
            case when _amount_values_month > 0 then _amount_total_month end as `amount_sum_month`,
            case
                when _amount_total_7d between -90071992547409.92 and 90071992547409.92
                    then cast(_amount_total_7d as double)
                else cast(cast(_amount_total_7d as string) as double)
            end / nullif(_amount_values_7d, 0) as `amount_avg_7d`,
            _rows_7d_left as `count_7d`,
            _rows_previous_month_left as `count_previous_month`,
            case
                when _fee_where_total_7d between -9007199254.740992 and 9007199254.740992
                    then cast(_fee_where_total_7d as double)
                else cast(cast(_fee_where_total_7d as string) as double)
            end as `fee_sum_7d`,
            case
                when _amount_values_7d > 1 then sqrt((cast(_amount_7d_deviation as double) - _amount_7d_rest * _amount_7d_rest / _amount_values_7d)
                    / nullif(_amount_values_7d - 1, 0) / 1e4D)
            end as `amount_stddev_7d`,
            _amount_distinct_7d as `amount_count_distinct_7d`,
            _amount_enters_month_month as `amount_count_distinct_month`,
            _fee_max_7d as `fee_max_7d`,
            _fee_max_month as `fee_max_month`,
            _amount_min_7d as `amount_min_7d`,
            _amount_min_month as `amount_min_month`,
            case when _amount_count_until_7d > _amount_count_since_7d then _amount_in_order_at_1_value end as `amount_last_7d`,
            case
                when _amount_count_until_7d > _amount_count_since_7d
                    then slice(
                        _amount_in_order_at_1_last_3,
                        size(_amount_in_order_at_1_last_3) - cast(least(3, (_amount_count_until_7d - _amount_count_since_7d)) as int) + 1,
                        cast(least(3, (_amount_count_until_7d - _amount_count_since_7d)) as int)
                    )
                else cast(array() as array<decimal(12, 2)>)
            end as `amount_last_3_7d`,
            case
                when _rows_until_7d > _rows_since_7d
                    then cast(_micros - _micros_in_order_at_2_value as double) / 1000000
            end as `seconds_since_first_7d`
        from positioned
    )

    select * from final
),

features as (
    select
        `user_id`,
        `category`,
        `timestamp`,
        `amount_sum_7d`,
        `amount_sum_30d_offset_7d`,
        `amount_sum_month`,
        `amount_avg_7d`,
        `count_7d`,
        `count_previous_month`,
        `fee_sum_7d`,
        `amount_stddev_7d`,
        `amount_count_distinct_7d`,
        `amount_count_distinct_month`,
        `fee_max_7d`,
        `fee_max_month`,
        `amount_min_7d`,
        `amount_min_month`,
        `amount_last_7d`,
        `amount_last_3_7d`,
        `seconds_since_first_7d`,
        make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) as period_start
    from feature_set
),

hashed_rows as (
    select
        cast(`timestamp` as date) as _day,
        xxhash64(
            0,
            `user_id`,
            `category`,
            `timestamp`,
            `amount`,
            `amount` is null,
            case when isnan(`fee`) then cast('NaN' as double) else `fee` + cast(0 as double) end,
            case when `fee` = 0 then cast(`fee` as string) end,
            `fee` is null
        ) as _hash
    from input_rows
    where
        `user_id` is not null
        and `category` is not null
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
        concat('4efe0879e195:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
