with

final as (
    select
        `user_id`,
        cast(
            coalesce(sum(
                case when cast(`category` as string) = 'it\'s' then cast(`amount` as decimal(38, 2)) end
            ), 0) as decimal(38, 2)
        ) as user_total_spend_it_s,
        cast(
            coalesce(sum(
                case when cast(`category` as string) = 'food & drink' then cast(`amount` as decimal(38, 2)) end
            ), 0) as decimal(38, 2)
        ) as user_total_spend_food_drink
    from `features`.`whole__stg_job_input`
    where `user_id` is not null
    group by `user_id`
)

select * from final
