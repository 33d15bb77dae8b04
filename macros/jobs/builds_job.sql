{#- Whether a run of dbt looks into the models of a job: `fpjob` names the one that it runs, plain dbt builds them all. -#}
{% macro builds_job(name) -%}
    {%- do return(var('job', name) == name) -%}
{%- endmacro %}
