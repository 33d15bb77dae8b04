{#- An amount as the decimal that it is summed as; a floating-point value that is no number, or too large, is NULL. -#}
{% macro exact_amount(amount_col, types) -%}
    {{ 'try_cast' if types.result == 'double' else 'cast' }}({{ sql_identifier(amount_col) }} as {{ types.each }})
{%- endmacro %}
