{#-
  A value as a SQL literal, cast to `data_type` where one is given. Nothing in the value can end the literal: quotes and backslashes are
  escaped, and so is the dollar sign, which Spark on the JVM would take for the start of a `${variable}` even inside quotes. So is every
  character that Jinja's `indent` takes for the end of a line: it would put another in its place.
-#}
{% macro sql_literal(value, data_type=none) -%}
    {%- set text = value | string
        | replace('\\', '\\\\') | replace("'", "\\'") | replace('$', '\\u0024')
        | replace('\n', '\\n') | replace('\r', '\\r')
        | replace('\x85', '\\u0085') | replace('\u2028', '\\u2028') | replace('\u2029', '\\u2029') -%}
    {%- if data_type and data_type != 'string' -%}
        cast('{{ text }}' as {{ data_type }})
    {%- else -%}
        '{{ text }}'
    {%- endif -%}
{%- endmacro %}
