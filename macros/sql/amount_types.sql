{#-
  How amounts of a type are summed exactly: `each`, the decimal that a single amount is read as; `result`, the type of a total; and `unit`, by
  which a sum becomes a whole number of at most 28 digits for up to 10^10 amounts, none where it may have more.

  Floating-point amounts are read as decimal(28, 6); integers have scale 0. Above scale 6 one digit is kept free, because Spark
  gives the difference of two decimal(38, s) fewer decimal places there.
-#}
{% macro amount_types(amount_type) -%}
    {%- set name = amount_type | lower | replace(' ', '') -%}
    {%- set integers = {'tinyint': 3, 'smallint': 5, 'int': 10, 'integer': 10, 'bigint': 19} -%}
    {%- set is_floating = name in ['float', 'double', 'real'] -%}
    {%- if is_floating -%}
        {%- set precision, scale = 28, 6 -%}
    {%- elif name.startswith('decimal(') -%}
        {%- set precision, scale = name[8:-1].split(',') | map('int') -%}
    {%- elif name in integers -%}
        {%- set precision, scale = integers[name], 0 -%}
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            'amount type: expected a decimal(p, s), an integer or a floating-point type, given `' ~ amount_type ~ '`'
        ) -%}
    {%- endif -%}
    {%- do return({
        'each': 'decimal(28, 6)' if is_floating else 'decimal(' ~ (38 if scale <= 6 else 37) ~ ', ' ~ scale ~ ')',
        'result': 'double' if is_floating else 'decimal(38, ' ~ scale ~ ')',
        'unit': 10 ** scale if precision <= 18 and scale <= 6 else none,
    }) -%}
{%- endmacro %}
