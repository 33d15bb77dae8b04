{#- dbt's own hook for relation names: a model is built for one job, and says so, unless its `meta` has `per_job: false`. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- set name = custom_alias_name | trim if custom_alias_name else node.name -%}
    {%- if node.resource_type == 'model' and node.package_name == project_name and node.config.meta.get('per_job', true) -%}
        {{- var('job').name ~ '__' ~ name -}}
    {%- else -%}
        {{- name -}}
    {%- endif -%}
{%- endmacro %}
