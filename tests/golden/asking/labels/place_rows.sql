with

asking_rows as (
    select * from `features`.`labels_v1__stg_job_input`
),

source_rows as (
    select * from `features`.`shop_places`
),

rows_that_count as (
    select
        cast(`id` as bigint) as `id`,
        `town`
    from source_rows
    where
        `id` is not null
),

asked as (
    select distinct cast(`shop` as bigint) as `id`
    from asking_rows
    where
        `shop` is not null
),

final as (
    select rows_that_count.*
    from asked
    inner join rows_that_count
        on asked.`id` = rows_that_count.`id`
)

select * from final
