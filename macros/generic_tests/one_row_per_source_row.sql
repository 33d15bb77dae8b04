{#- Neither the joins to the feature tables nor transformers in Python lose or repeat a row of the source. -#}
{% test one_row_per_source_row(model, input) %}
with

source_rows as (
    select count(*) as row_count from {{ input }}
),

output_rows as (
    select count(*) as row_count from {{ model }}
)

select
    source_rows.row_count as source_row_count,
    output_rows.row_count as output_row_count
from source_rows
cross join output_rows
where source_rows.row_count != output_rows.row_count
{% endtest %}
