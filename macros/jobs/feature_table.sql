{#-
  The rows of a feature table. Usually a job has one feature set per table, and the table is just that query. A job may use one
  transformer several times with different keys or amounts; then each use is a feature set of its own, numbered in `_feature_set`, and
  the columns of the other sets are NULL in its rows. Call it with a block that writes the query of one set from its parameters.
-#}
{% macro feature_table(feature_sets) -%}
    {%- if feature_sets | length == 1 -%}
        {{- caller(feature_sets[0].params) -}}
    {%- else -%}
        {%- set columns = [] -%}
        {%- for feature_set in feature_sets -%}
            {%- for name in feature_set['keys'] + feature_set.features if name not in columns -%}
                {%- do columns.append(name) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- for feature_set in feature_sets -%}
            {%- set own_columns = feature_set['keys'] + feature_set.features %}
select
    {{ loop.index0 }} as _feature_set,
    {%- for name in columns %}
    {{ sql_identifier(name) if name in own_columns else 'null as ' ~ sql_identifier(name) }}{{ ',' if not loop.last }}
    {%- endfor %}
from (
{{ caller(feature_set.params) | indent(4, first=true) }}
) as feature_set_{{ loop.index0 }}
{{ 'union all' if not loop.last }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
