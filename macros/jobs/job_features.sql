{#- The model of a job's result: every source row once, its columns as they were, and the job's features in the order of its YAML. -#}
{% macro job_features(input, tables=[], features={}) -%}
    {{- config(materialized='view') -}}
    {%- set joins, chosen = [], [] -%}
    {%- for table in tables -%}
        {%- set one_set = '' if table.feature_set is not defined else '\n    where _feature_set = ' ~ table.feature_set -%}
        {%- do joins.append(dict(table, query='select * from ' ~ table.relation ~ one_set)) -%}
    {%- endfor -%}
    {%- for name, table in features.items() -%}
        {%- do chosen.append({'name': name, 'table': table} if table is string else dict(table, name=name)) -%}
    {%- endfor -%}
    {{- _rows_with_features(input, _input_of(input).columns, joins, chosen) -}}
{%- endmacro %}
