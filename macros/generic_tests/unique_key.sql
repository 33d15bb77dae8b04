{#- No two rows have the same values in these columns. -#}
{% test unique_key(model, columns) %}
select
    {{ sql_identifiers(columns) }},
    count(*) as row_count
from {{ model }}
group by {{ sql_identifiers(columns) }}
having count(*) > 1
{% endtest %}
