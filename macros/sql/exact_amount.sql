{#-
  An amount as the decimal that it is summed as; a floating-point value that is no number, or too large, is NULL. The largest decimal(28, 6)
  is below 10^22, which the `try_cast` of Sail still takes.
-#}
{% macro exact_amount(amount_col, types) -%}
    {%- set amount = sql_identifier(amount_col) -%}
    {%- if types.result == 'double' -%}
        case when abs({{ amount }}) < 1e22 then try_cast({{ amount }} as {{ types.each }}) end
    {%- else -%}
        cast({{ amount }} as {{ types.each }})
    {%- endif -%}
{%- endmacro %}
