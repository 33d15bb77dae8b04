insert into `features`.`incremental__user_spend`
        replace where period_start in (date '2024-05-01', date '2024-06-01')
        select `user_id`, `timestamp`, `user_30d_total_spend`, `user_30d_avg_spend`, `_input_fingerprint`, `period_start`
        from `features__incremental__user_spend__dbt_tmp`
