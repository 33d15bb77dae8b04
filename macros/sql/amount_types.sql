{#-
  How amounts of a type are summed exactly, as a mapping of

    scale         the decimal places of an amount: those of its type, 6 of a floating-point number, none of an integer
    is_floating   whether it is a floating-point number, which is summed as decimal(28, 6)
    form          how its sums are kept: `packed`, `plain` or `wide`; see `amount_sums`
    digits        of a packed sum, for the number of its amounts
    each          the type of a single amount
    result        the type of a total

  Engines give a sum ten digits more than its terms have, and a difference one more; none of them holds more than 38, and past that
  they drop decimal places or wrap. So `each` leaves eleven digits free: sums of 10^10 amounts and their differences are exact.
  Where it cannot, for amounts of more than 27 digits, sums are kept in two parts. Differences of two decimal(38, s) keep s up to s = 6.
-#}
{% macro _amount_types(amount_type) -%}
    {%- set name = amount_type | lower | replace(' ', '') -%}
    {%- set digits = _number_digits(name) -%}
    {%- set is_floating = name in ['float', 'double', 'real'] -%}
    {%- if is_floating -%}
        {%- set precision, scale = 28, 6 -%}
    {%- elif digits -%}
        {%- set precision, scale = digits.precision, digits.scale -%}
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            'amount type: expected a decimal(p, s), an integer or a floating-point type, given `' ~ amount_type ~ '`'
        ) -%}
    {%- endif -%}
    {%- set form = 'packed' if precision <= 18 else ('plain' if precision <= 27 or is_floating else 'wide') -%}
    {%- do return({
        'scale': scale,
        'is_floating': is_floating,
        'form': form,
        'digits': [10, 27 - precision] | min,
        'each': 'decimal(' ~ (28 if is_floating else (38 if form == 'wide' else 27)) ~ ', ' ~ scale ~ ')',
        'result': 'double' if is_floating else 'decimal(38, ' ~ scale ~ ')',
    }) -%}
{%- endmacro %}


{#- The digits of a decimal or integer type, as the mapping `precision`, `scale`; none for other types. -#}
{% macro _number_digits(data_type) -%}
    {%- set name = data_type | lower | replace(' ', '') -%}
    {%- set integers = {'tinyint': 3, 'smallint': 5, 'int': 10, 'integer': 10, 'bigint': 19} -%}
    {%- if name.startswith('decimal(') -%}
        {%- set precision, scale = name[8:-1].split(',') | map('int') -%}
        {%- do return({'precision': precision, 'scale': scale}) -%}
    {%- elif name in integers -%}
        {%- do return({'precision': integers[name], 'scale': 0}) -%}
    {%- endif -%}
    {%- do return(none) -%}
{%- endmacro %}
