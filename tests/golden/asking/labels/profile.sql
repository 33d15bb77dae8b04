-- all rows: first run
-- replaces: everything
with

input_rows as (
    select * from `features`.`labels_v1__profile_rows`
),

feature_set as (
    with

    placed_rows as (
        select
            *,
            unix_micros(cast(`valid_from` as timestamp)) as _micros
        from input_rows
    ),

    to_date as (
        select
            `id`,
            `valid_from`,
            `_asks` as _asks,
            _micros,
            max(case when not `_asks` then _micros end) over (
                partition by `id` order by _micros, `_asks`
                rows between unbounded preceding and current row
            ) as _version
        from placed_rows
    ),

    asked as (
        select * from to_date
        where _asks
    ),

    ranked_versions as (
        select
            *,
            rank() over (
                partition by `id`, _micros
                order by
                    `revision` desc nulls last
            ) as _rank
        from placed_rows
        where not `_asks`
    ),

    versions_in_order as (
        select
            *,
            lead(_micros) over (partition by `id` order by _micros) as _next_time
        from ranked_versions
        where _rank = 1
    ),

    versions as (
        select
            *,
            case when _next_time is null or _next_time > _micros then _micros else raise_error(concat(
                '[FP_TWO_VERSIONS] ',
                'expected one version for a key and a time, found two of ',
                'id ',
                cast(`id` as string),
                ', valid_from ',
                cast(`valid_from` as string),
                '; correct the rows, or say in the feature group by which columns one of them comes last: `order_by`'
            )) end as _version
        from versions_in_order
    ),

    final as (
        select
            asked.`id`,
            asked.`valid_from`,
            versions.`region`
        from asked
        left join versions
            on
                asked.`id` = versions.`id`
                and asked._version = versions._version
    )

    select * from final
),

features as (
    select
        `id`,
        `valid_from`,
        `region`
    from feature_set
),

hashed_rows as (
    select xxhash64(
            0,
            `id`,
            `valid_from`,
            `region`,
            `region` is null,
            `revision`,
            `revision` is null,
            `_asks`,
            `_asks` is null
        ) as _hash
    from input_rows
    where
        `id` is not null
        and `valid_from` is not null
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
        concat('33c9f4d2992b:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0)) as _input_fingerprint
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
