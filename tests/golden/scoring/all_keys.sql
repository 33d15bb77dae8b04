with

source_rows as (
    select * from `events`
),

steps as (
    select explode(sequence(0, 2)) as _step
),

entity_keys as (
    select cast(`who` as bigint) as `customer no.`
    from source_rows
    where `who` is not null
),

distinct_keys as (
    select distinct * from entity_keys
),

steps_of_keys as (
    select
        distinct_keys.*,
        steps._step
    from distinct_keys
    cross join steps
),

scoring_rows as (
    select
        `customer no.`,
        date_add(cast('2024-01-01' as date), cast(_step * 7 as int)) as `asked`
    from steps_of_keys
),

final as (
    select * from scoring_rows
)

select * from final
