{#- The job's source has the columns and types that the job was planned with. -#}
{% test input_types(model) %}
{%- set job_input, columns = _input_of(model), {} -%}
{%- for column in job_input.columns -%}
    {%- do columns.update({column.name: column.type}) -%}
{%- endfor -%}
{#- Hooks, which make the source known, do not run then. -#}
{%- do register_sources() if flags.WHICH in ['compile', 'generate'] -%}
{{ _wrong_types(job_input.read, columns) }}
{% endtest %}
