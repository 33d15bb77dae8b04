{#-
  dbt-spark knows four incremental strategies by name, and calls these macros of its own for them. They take the place of its own here, so that
  it also knows `replace_partitions`; all else is left to it.
-#}
{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) -%}
    {%- if raw_strategy == 'replace_partitions' and file_format == 'delta' -%}
        {%- do return(raw_strategy) -%}
    {%- endif -%}
    {%- do return(dbt_spark.dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format)) -%}
{%- endmacro %}


{% macro dbt_spark_get_incremental_sql(strategy, source, target, existing, unique_key, incremental_predicates) -%}
    {%- if strategy == 'replace_partitions' -%}
        {{- get_incremental_replace_partitions_sql({'target_relation': target, 'temp_relation': source}) -}}
    {%- else -%}
        {{- dbt_spark.dbt_spark_get_incremental_sql(strategy, source, target, existing, unique_key, incremental_predicates) -}}
    {%- endif -%}
{%- endmacro %}
