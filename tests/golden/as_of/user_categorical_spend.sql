with

spend_at as (
    select
        `user_id`,
        `timestamp`,
        coalesce(sum(
            case when cast(`category` as string) = 'it\'s' then cast(`amount` as decimal(38, 2)) end
        ), 0) as user_total_spend_it_s,
        coalesce(sum(
            case when cast(`category` as string) = 'food & drink' then cast(`amount` as decimal(38, 2)) end
        ), 0) as user_total_spend_food_drink
    from `features`.`as_of__stg_job_input`
    where `user_id` is not null and `timestamp` is not null
    group by `user_id`, `timestamp`
),

final as (
    select
        `user_id`,
        `timestamp`,
        cast(sum(user_total_spend_it_s) over (
            partition by `user_id` order by `timestamp`
            rows between unbounded preceding and current row
        ) as decimal(38, 2)) as user_total_spend_it_s,
        cast(sum(user_total_spend_food_drink) over (
            partition by `user_id` order by `timestamp`
            rows between unbounded preceding and current row
        ) as decimal(38, 2)) as user_total_spend_food_drink
    from spend_at
)

select * from final
