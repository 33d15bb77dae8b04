{#- The keys of a feature table: unique and not NULL, in each feature set. The keys that only other sets have are NULL. -#}
{% test unique_grain(model) %}
{%- set node = _node_of(model) -%}
{%- set feature_sets = node.config.meta.feature_table.feature_sets if node and node.config.meta.feature_table else [] -%}
{%- set keys, types = [], {} -%}
{%- for feature_set in feature_sets -%}
    {%- do keys.extend(feature_set['keys']) -%}
    {%- do types.update(feature_set.features) -%}
    {%- do types.update(feature_set.reads) -%}
{%- endfor -%}
{%- for feature_set in feature_sets %}
select
    {%- for key in keys | unique %}
    {{ sql_identifier(key) if key in feature_set['keys'] else _typed_null(types.get(key)) ~ ' as ' ~ sql_identifier(key) }},
    {%- endfor %}
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
