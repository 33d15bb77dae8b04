with

spend_at as (
    select
        `user_id`,
        `timestamp`,
        unix_micros(cast(`timestamp` as timestamp)) as _event_micros,
        sum(cast(`amount` as decimal(38, 2))) as _spend,
        count(cast(`amount` as decimal(38, 2))) as _amounts
    from `features`.`whole__stg_job_input`
    where `user_id` is not null and `timestamp` is not null
    group by `user_id`, `timestamp`
),

spend_to_date as (
    select
        `user_id`,
        `timestamp`,
        _event_micros,
        sum(coalesce(_spend, 0)) over (
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
            range between unbounded preceding and 604800000000 preceding
        ) as _before_7d,
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
        _spend - coalesce(_before_7d.spend, 0) as _spend_7d,
        nullif(_amounts - coalesce(_before_7d.amounts, 0), 0) as _amounts_7d,
        _spend - coalesce(_before_30d.spend, 0) as _spend_30d,
        nullif(_amounts - coalesce(_before_30d.amounts, 0), 0) as _amounts_30d
    from spend_before_window
),

final as (
    select
        `user_id`,
        `timestamp`,
        case
            when _amounts_7d is not null then cast(_spend_7d as decimal(38, 2))
        end as user_7d_total_spend,
        cast(_spend_7d as double) / _amounts_7d as user_7d_avg_spend,
        case
            when _amounts_30d is not null then cast(_spend_30d as decimal(38, 2))
        end as user_30d_total_spend,
        cast(_spend_30d as double) / _amounts_30d as user_30d_avg_spend
    from spend_in_window
)

select * from final
