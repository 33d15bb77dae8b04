with

looked_at as (
    select
        `user_id`,
        `timestamp`,
        case when period_start = make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) then 1 end as _is_in_its_period
    from `features`.`incremental__user_spend`
    where
        period_start in (date '2024-06-01')
    union all
    select
        `user_id`,
        `timestamp`,
        case when period_start = make_date(year(cast(`timestamp` as date)), month(cast(`timestamp` as date)), 1) then 1 end as _is_in_its_period
    from `features`.`incremental__user_spend`
    where
        (not period_start in (date '2024-06-01') or period_start is null)
        and (
            (cast(`timestamp` as timestamp) >= timestamp '2024-06-01' and cast(`timestamp` as timestamp) < timestamp '2024-07-01')
        )
),

final as (
    select
        `user_id`,
        `timestamp`,
        count(*) as row_count
    from looked_at
    group by `user_id`, `timestamp`
    having
        count(*) > 1
        or `user_id` is null
        or `timestamp` is null
        or count(_is_in_its_period) < count(*)
)

select count(*) as faults from final
