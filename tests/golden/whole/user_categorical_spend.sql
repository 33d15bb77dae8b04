-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`whole__stg_job_input`
),

feature_set as (
    with

    counted_rows as (
        select
            `user_id` as _key,
            cast(`category` as string) = 'it\'s' as _where,
            cast(`category` as string) = 'food & drink' as _where_3,
            `amount` as _amount
        from input_rows
        where
            `user_id` is not null
    ),

    terms as (
        select
            _key,
            coalesce(cast(case when _where then _amount end as decimal(27, 2)), cast(0 as decimal(27, 2))) as _amount_where_total,
            coalesce(cast(case when _where_3 then _amount end as decimal(27, 2)), cast(0 as decimal(27, 2))) as _amount_where_3_total
        from counted_rows
    ),

    states as (
        select
            _key,
            sum(_amount_where_total) as _amount_where_total,
            sum(_amount_where_3_total) as _amount_where_3_total
        from terms
        group by _key
    ),


    in_windows as (
        select
            _key,
            cast(_amount_where_total as decimal(38, 2)) as _amount_where_total_lifetime,
            cast(_amount_where_3_total as decimal(38, 2)) as _amount_where_3_total_lifetime
        from states
    ),

    final as (
        select
            _key as `user_id`,
            _amount_where_total_lifetime as `user_total_spend_it_s`,
            _amount_where_3_total_lifetime as `user_total_spend_food_drink`
        from in_windows
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
        concat('b3b5f6dbb768:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
