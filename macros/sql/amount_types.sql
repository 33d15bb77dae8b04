{#-
  The decimal types that make sums of an amount exact: `each`, the type that a single amount is read as, and `total`, the type of its sums.
  Floating-point amounts are read as decimal(28, 6); integers have scale 0. Above scale 6 one digit is kept free, because Spark
  gives the difference of two decimal(38, s) fewer decimal places there.
-#}
{% macro amount_types(amount_type) -%}
    {%- set name = amount_type | lower | replace(' ', '') -%}
    {%- set is_floating = name in ['float', 'double', 'real'] -%}
    {%- if is_floating -%}
        {%- set scale = 6 -%}
    {%- elif name.startswith('decimal(') -%}
        {%- set scale = name[8:-1].split(',')[1] | int -%}
    {%- elif name in ['tinyint', 'smallint', 'int', 'integer', 'bigint'] -%}
        {%- set scale = 0 -%}
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            'amount type: expected a decimal(p, s), an integer or a floating-point type, given `' ~ amount_type ~ '`'
        ) -%}
    {%- endif -%}
    {%- do return({
        'each': 'decimal(28, 6)' if is_floating else 'decimal(' ~ (38 if scale <= 6 else 37) ~ ', ' ~ scale ~ ')',
        'result': 'double' if is_floating else 'decimal(38, ' ~ scale ~ ')',
    }) -%}
{%- endmacro %}
