with

job_rows as (
    select
        `row`,
        `it's ``at```
    from `labels`
),

boundaries as (
    select
        unix_date(cast('2024-01-31' as date)) * 86400000000 as valid_from,
        unix_micros(cast('2024-02-10 12:30:00+00:00' as timestamp)) as test_from
),

final as (
    select
        job_rows.*,
        case
            when unix_micros(cast(job_rows.`it's ``at``` as timestamp)) < boundaries.valid_from then 'train'
            when unix_micros(cast(job_rows.`it's ``at``` as timestamp)) < boundaries.test_from then 'valid'
            when unix_micros(cast(job_rows.`it's ``at``` as timestamp)) is not null then 'test'
        end as split
    from job_rows
    cross join boundaries
    where
        unix_micros(cast(job_rows.`it's ``at``` as timestamp)) is null
        or (
            (unix_micros(cast(job_rows.`it's ``at``` as timestamp)) >= boundaries.valid_from
                or unix_micros(cast(job_rows.`it's ``at``` as timestamp)) + 2592000000000 < boundaries.valid_from)
            and (unix_micros(cast(job_rows.`it's ``at``` as timestamp)) >= boundaries.test_from
                or unix_micros(cast(job_rows.`it's ``at``` as timestamp)) + 2592000000000 < boundaries.test_from)
        )
)

select * from final
