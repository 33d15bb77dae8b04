{#- dbt's own hook for relation names: every model is built for one job, and says so. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- set name = custom_alias_name | trim if custom_alias_name else node.name -%}
    {%- if node.resource_type == 'model' and node.package_name == project_name -%}
        {{- var('job').name ~ '__' ~ name -}}
    {%- else -%}
        {{- name -}}
    {%- endif -%}
{%- endmacro %}
