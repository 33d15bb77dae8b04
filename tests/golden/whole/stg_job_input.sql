with

source_rows as (
    select * from `sources`.`whole__input`
),

final as (
    select
        `user_id`,
        cast(`timestamp` as timestamp) as `timestamp`,
        `amount`,
        `fee`,
        `category`
    from source_rows
    where
        `category` not in ('a\u0024b', 'c\\d')
        and `amount` > cast('10.125' as decimal(5, 3))
        and `timestamp` < cast('2024-06-30 12:00:00' as timestamp)
        and `fee` is not null
)

select * from final
