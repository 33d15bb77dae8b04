{#- Tells `fpjob` something, as a debug line of dbt's log: a code of `feature_platform_py/core/messages.py`, and fields of plain data. -#}
{% macro _log_event(code, fields) -%}
    {%- do log('fp:' ~ tojson(dict(fields, code=code))) -%}
{%- endmacro %}
