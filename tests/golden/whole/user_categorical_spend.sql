-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`whole__stg_job_input`
),

feature_set as (
    with

    amounts as (
        select
            `amount` as _amount,
            `user_id` as _user,
            cast(`category` as string) as _category
        from input_rows
        where `user_id` is not null
    ),

    sums as (
        select
            _user,
            sum(coalesce(case when _category = 'it\'s' then cast(_amount as decimal(27, 2)) end, cast(0 as decimal(27, 2)))) as _total_0,
            sum(coalesce(case when _category = 'food & drink' then cast(_amount as decimal(27, 2)) end, cast(0 as decimal(27, 2)))) as _total_1
        from amounts
        group by _user
    ),

    totals as (
        select
            _user,
            _total_0,
            _total_1
        from sums
    ),

    spend as (
        select
            _user,
            cast(_total_0 as decimal(38, 2)) as _spend_0,
            cast(_total_1 as decimal(38, 2)) as _spend_1
        from totals
    ),

    final as (
        select
            _user as `user_id`,
            _spend_0 as user_total_spend_it_s,
            _spend_1 as user_total_spend_food_drink
        from spend
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
    select xxhash64(
            0,
            `user_id`,
            `amount`,
            `amount` is null,
            `category`,
            `category` is null
        ) as _hash
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
        concat('f22d9fdba618:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
