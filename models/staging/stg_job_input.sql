{#- The job's source rows: typed columns, filtered rows, nothing else changed. -#}
{%- set job_input = var('job').input -%}
{{ job_input_rows(job_input, source(*job_input.source)) }}
