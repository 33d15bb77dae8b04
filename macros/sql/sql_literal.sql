{#-
  A value as a SQL literal, cast to `data_type` where one is given. Nothing in the value can end the literal: quotes and backslashes are
  escaped, and so is the dollar sign, which Spark on the JVM would take for the start of a `${variable}` even inside quotes.
-#}
{% macro sql_literal(value, data_type=none) -%}
    {%- set text = value | string
        | replace('\\', '\\\\') | replace("'", "\\'") | replace('$', '\\u0024')
        | replace('\n', '\\n') | replace('\r', '\\r') -%}
    {%- if data_type and data_type != 'string' -%}
        cast('{{ text }}' as {{ data_type }})
    {%- else -%}
        '{{ text }}'
    {%- endif -%}
{%- endmacro %}
