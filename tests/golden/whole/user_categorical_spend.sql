-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`whole__stg_job_input`
),

feature_set as (
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
        from input_rows
        where `user_id` is not null
        group by `user_id`
    )

    select * from final
),

features as (
    select
        `user_id`,
        `user_total_spend_it_s`,
        `user_total_spend_food_drink`
    from feature_set
),

hashed_rows as (
    select xxhash64(0, `user_id`, `amount`, `amount` is null, `category`, `category` is null) as _hash
    from input_rows
    where
        `user_id` is not null
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
        concat('34bccdc5f22f:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
