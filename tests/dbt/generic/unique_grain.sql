{#- The keys of a feature table: unique and not NULL, in each feature set. -#}
{% test unique_grain(model) %}
{%- set node = _node_of(model) -%}
{%- set feature_sets = node.config.meta.feature_table.feature_sets if node and node.config.meta.feature_table else [] -%}
{%- for feature_set in feature_sets %}
select
    {{ sql_identifiers(feature_set['keys']) }},
    count(*) as row_count
from {{ model }}
{%- if feature_sets | length > 1 %}
where _feature_set = {{ loop.index0 }}
{%- endif %}
group by {{ sql_identifiers(feature_set['keys']) }}
having
    count(*) > 1
    {%- for key in feature_set['keys'] %}
    or {{ sql_identifier(key) }} is null
    {%- endfor %}
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endtest %}
