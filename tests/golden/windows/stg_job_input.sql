with

source_rows as (
    select * from `sources`.`windows__input`
),

final as (
    select
        `user_id`,
        cast(`timestamp` as timestamp) as `timestamp`,
        `amount`,
        `fee`,
        `category`
    from source_rows
)

select * from final
