with

spend_at as (
    select
        `user_id`,
        `timestamp`,
        unix_micros(cast(`timestamp` as timestamp)) as _event_micros,
        coalesce(sum(try_cast(`fee` as decimal(28, 6))), 0) as _spend,
        count(try_cast(`fee` as decimal(28, 6))) as _amounts
    from `features`.`as_of__stg_job_input`
    where `user_id` is not null and `timestamp` is not null
    group by `user_id`, `timestamp`
),

spend_to_date as (
    select
        `user_id`,
        `timestamp`,
        _event_micros,
        sum(_spend) over (
            partition by `user_id` order by _event_micros
            rows between unbounded preceding and current row
        ) as _spend,
        sum(_amounts) over (
            partition by `user_id` order by _event_micros
            rows between unbounded preceding and current row
        ) as _amounts
    from spend_at
),

spend_before_window as (
    select
        *,
        last_value(named_struct('spend', _spend, 'amounts', _amounts)) over (
            partition by `user_id` order by _event_micros
            range between unbounded preceding and 2592000000000 preceding
        ) as _before_30d
    from spend_to_date
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
