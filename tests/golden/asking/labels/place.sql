-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`labels_v1__place_rows`
),

feature_set as (
    select
        `id`,
            `town`
    from input_rows
),

features as (
    select
        `id`,
        `town`
    from feature_set
),

hashed_rows as (
    select xxhash64(
            0,
            `id`,
            `town`,
            `town` is null
        ) as _hash
    from input_rows
    where
        `id` is not null
),

input_days as (
    select
        count(*) as _rows,
        sum(_hash & 4294967295) as _low_bits,
        sum(shiftright(_hash, 32)) as _high_bits
    from hashed_rows
),

input_periods as (
    select
        coalesce(sum(_rows), 0) as input_rows,
        concat('74533fcb9c31:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
    from input_days
),

final as (
    select
        features.*,
        input_periods._input_fingerprint
    from input_periods
    cross join features
)

select * from final
