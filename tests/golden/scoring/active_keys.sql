with

source_rows as (
    select * from `events`
),

active_rows as (
    select
        cast(`who` as bigint) as `customer no.`,
        unix_micros(cast(`at` as timestamp)) as _happened,
        greatest(unix_micros(cast(`at` as timestamp)), coalesce(unix_micros(cast(`loaded` as timestamp)), 1000000000000000000)) as _known
    from source_rows
    where
        `who` is not null
        and `at` is not null
),

-- From microseconds to steps of the grid: the first one at which a row is known, and the last one that reaches back to it.
rounded_rows as (
    select distinct
        `customer no.`,
        greatest(0, (_known - unix_date(cast('2024-01-01' as date)) * 86400000000 + 604799999999) div 604800000000) as _first_step,
        least(2, (_happened - unix_date(cast('2024-01-01' as date)) * 86400000000 + 2591999999999) div 604800000000) as _last_step
    from active_rows
    where _happened - unix_date(cast('2024-01-01' as date)) * 86400000000 + 2591999999999 >= 0
),

rows_with_steps as (
    select * from rounded_rows
    where _first_step <= _last_step
),

every_step as (
    select
        `customer no.`,
        explode(sequence(_first_step, _last_step)) as _step
    from rows_with_steps
),

steps_of_keys as (
    select distinct * from every_step
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
