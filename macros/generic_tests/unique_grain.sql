{#- The keys of a feature table: unique and not NULL, in each feature set. -#}
{% test unique_grain(model) %}
{%- set node = _node_of(model) -%}
{{ _grain_faults(model, node.config.meta.feature_table.feature_sets if node and node.config.meta.feature_table else []) }}
{% endtest %}
