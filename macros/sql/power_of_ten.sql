{#- A power of ten as a decimal that has its digits and no more, `exponent` from -38 to 37. -#}
{% macro _power_of_ten(exponent) -%}
    {{ '0.' ~ '0' * (-exponent - 1) ~ '1' if exponent < 0 else 'cast(1' ~ '0' * exponent ~ ' as decimal(' ~ (exponent + 1) ~ ', 0))' }}
{%- endmacro %}
