{#- Whether a run of dbt looks into the models of a job: `fpjob` leaves out the jobs that it does not run, plain dbt builds them all. -#}
{% macro builds_job(name) -%}
    {%- do return(env_var('FP_LEAVES_OUT_' ~ name, '') == '') -%}
{%- endmacro %}
