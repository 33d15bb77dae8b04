with

job_rows as (
    select * from `features`.`financial_features_extraction_v1__stg_job_input`
),

broken_rules as (
    select
        concat('required `', missing.field, '` is NULL') as rule,
        missing.sample_key,
        1 as row_count
    from (
        select
            explode(array_compact(array(
                case when job_rows.`transaction_id` is null then 'transaction_id' end,
                case when job_rows.`user_id` is null then 'user_id' end,
                case when job_rows.`timestamp` is null then 'timestamp' end,
                case when job_rows.`amount` is null then 'amount' end,
                case when job_rows.`transaction_type` is null then 'transaction_type' end,
                case when job_rows.`balance` is null then 'balance' end
            ))) as field,
            concat('transaction_id ', coalesce(cast(job_rows.`transaction_id` as string), 'NULL')) as sample_key
        from job_rows
        where
            job_rows.`transaction_id` is null
            or job_rows.`user_id` is null
            or job_rows.`timestamp` is null
            or job_rows.`amount` is null
            or job_rows.`transaction_type` is null
            or job_rows.`balance` is null
    ) as missing

    union all

    select
        'primary key `transaction_id` is not unique' as rule,
        concat('transaction_id ', coalesce(cast(job_rows.`transaction_id` as string), 'NULL')) as sample_key,
        count(*) as row_count
    from job_rows
    where
        job_rows.`transaction_id` is not null
    group by
        job_rows.`transaction_id`
    having count(*) > 1

    union all

    select
        'customer is unknown: no such `user_id` in source `customer.mm_customer`' as rule,
        concat('user_id ', coalesce(cast(job_rows.`user_id` as string), 'NULL')) as sample_key,
        count(*) as row_count
    from job_rows
    left anti join (
        select `user_id` from `sources`.`mm_customer`
    ) as known
        on
            job_rows.`user_id` = known.`user_id`
    where
        job_rows.`user_id` is not null
    group by
        job_rows.`user_id`
)

select
    rule,
    sum(row_count) as row_count,
    array_join(slice(array_sort(collect_list(sample_key)), 1, 5), '; ') as sample_keys
from broken_rules
group by rule
