{#-
  An expression that fails with a text in one or more parts, of which `{'sql': ...}` are values. `fpjob` knows what it means by the mark
  before it, made of a code of `feature_platform_py/core/messages.py`.
-#}
{% macro _raise_fault(code, parts) -%}
raise_error(concat(
    '[FP_{{ code | upper }}] ',
    {%- for part in parts %}
    {{ part.sql if part is mapping else sql_literal(part) }}{{ ',' if not loop.last }}
    {%- endfor %}
))
{%- endmacro %}


{#- Queries without the marks of their faults and the comment of `_entries`: neither is part of a feature's definition. -#}
{% macro _without_marks(queries) -%}
    {%- set found = [] -%}
    {%- for query in queries -%}
        {%- set unmarked = modules.re.sub("(raise_error\\(concat\\(\\s+)'\\[FP_[A-Z_]+\\] ',\\s+", '\\1', query) -%}
        {%- do found.append(modules.re.sub('\n *-- [^\n]*', '', unmarked)) -%}
    {%- endfor -%}
    {%- do return(found) -%}
{%- endmacro %}
