{#-
  What the registry demands of the job's rows: a value in each required field, a primary key of its own, and only keys that the sources
  referred to have. A rule that is broken is one row: the rule, how many rows break it, and the first keys to find them by.
-#}
{% test registry_rules(model, primary_key=[], required=[], references=[]) %}
with

job_rows as (
    select * from {{ model }}
),

broken_rules as (
    {{ _broken_rules(primary_key, required, references) | indent }}
)

select
    rule,
    sum(row_count) as row_count,
    array_join(slice(array_sort(collect_list(sample_key)), 1, 5), '; ') as sample_keys
from broken_rules
group by rule
{% endtest %}
