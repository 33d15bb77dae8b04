with

input_days as (
    select
        _day,
        _rows_1 as _rows,
        _low_bits_1 as _low_bits,
        _high_bits_1 as _high_bits
    from computed_once_3146350b1f89cd88
    where _rows_1 > 0
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

table_periods as (
    select distinct
        period_start,
        _input_fingerprint
    from `features`.`incremental__user_spend`
),

compared as (
    select
        coalesce(input_periods.period_start, table_periods.period_start) as period_start,
        coalesce(input_periods.input_rows, 0) as input_rows,
        case
            when table_periods._input_fingerprint not like 'da55757418ff:%' then 'redefined'
            when table_periods._input_fingerprint is null then 'new'
            when input_periods._input_fingerprint is null then 'vanished'
            when table_periods._input_fingerprint != input_periods._input_fingerprint then 'changed'
        end as change
    from input_periods
    full outer join table_periods
        on input_periods.period_start = table_periods.period_start
),

changed_before as (
    select
        *,
        max(case when change is not null then period_start end) over (
            order by period_start
            rows between unbounded preceding and 1 preceding
        ) as _changed_period
    from compared
),

final as (
    select
        period_start,
        input_rows,
        case
            when change is not null then change
            when unix_micros(cast(period_start as timestamp))
                - unix_micros(cast(add_months(_changed_period, 1) as timestamp)) < 2592000000000 then 'reached'
        end as change
    from changed_before
)

select * from final
order by period_start
