{#- Every source row once, its columns as they were, and the job's features in the order of its YAML. -#}
{%- set job = var('job') -%}
with

source_rows as (
    select * from {{ ref('stg_job_input') }}
),
{% for table in job.joins %}
{{ table.name }} as (
    select * from {{ ref(table.model) }}
    {%- if table.feature_set is not none %}
    where _feature_set = {{ table.feature_set }}
    {%- endif %}
),
{% endfor %}
final as (
    select
        {%- for column in job.input.columns %}
        source_rows.{{ sql_identifier(column.name) }},
        {%- endfor %}
        {%- for feature in job.features %}
        {{ feature.table }}.{{ sql_identifier(feature.name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from source_rows
    {%- for table in job.joins %}
    left join {{ table.name }}
        on
            {%- for key in table['keys'] %}
            {{ 'and ' if not loop.first }}
            {%- if key == 'year_month' -%}
                {{ year_month('source_rows.' ~ sql_identifier(table.timestamp_col)) }}
            {%- else -%}
                source_rows.{{ sql_identifier(key) }}
            {%- endif %} = {{ table.name }}.{{ sql_identifier(key) }}
            {%- endfor %}
    {%- endfor %}
)

select * from final
