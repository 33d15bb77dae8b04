{#-
  The job's source rows: typed columns, filtered rows, nothing else changed. Sources that the rows refer to are read by the tests
  alone, and are named here so that dbt runs these tests before it builds what reads the rows.
-#}
{%- set job_input = var('job').input -%}
{%- for reference in job_input.rules.references -%}
    {%- for holder in reference.sources -%}
        {%- do source(*holder) -%}
    {%- endfor -%}
{%- endfor -%}
{{ job_input_rows(job_input, source(*job_input.source)) }}
