{#- A query of the job's source rows: typed columns, filtered rows, nothing else changed. -#}
{% macro _job_input_rows(job_input, relation) -%}
with

source_rows as (
    select * from {{ relation }}
),

final as (
    select
        {%- for column in job_input.columns %}
        {%- set name = sql_identifier(column.name) %}
        {{ 'cast(' ~ name ~ ' as timestamp) as ' ~ name if column.type == 'timestamp' else name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from source_rows
    {%- if job_input.filters %}
    where
        {{ _row_filters(job_input.filters) }}
    {%- endif %}
)

select * from final
{%- endmacro %}
