{#- Whether a run of dbt looks into the models of a job: `fpjob` names those that it runs, plain dbt builds them all. -#}
{% macro builds_job(name) -%}
    {%- do return(name in var('jobs', [name])) -%}
{%- endmacro %}
