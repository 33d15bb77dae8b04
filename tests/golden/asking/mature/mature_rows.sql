with

job_rows as (
    select
        `label`,
        `shop`,
        `rival`,
        `decided_at`
    from `features`.`mature_v1__stg_job_input`
),

newest_0 as (
    select coalesce(max(unix_micros(cast(`sold_at` as timestamp))), -1000000000000000000) as _newest
    from `sources`.`sales`
),

newest_1 as (
    select coalesce(max(unix_micros(cast(`sold_at` as timestamp))), -1000000000000000000) as _newest
    from `sources`.`sales`
),

final as (
    select job_rows.*
    from job_rows
    cross join newest_0
    cross join newest_1
    where
        (job_rows.`decided_at` is null
            or unix_micros(cast(job_rows.`decided_at` as timestamp)) + 2592000000000 <= newest_0._newest)
        and (job_rows.`decided_at` is null
            or unix_micros(cast(job_rows.`decided_at` as timestamp)) + 3888000000000 <= newest_1._newest)
)

select * from final
