{#-
  The double nearest to a decimal. Sail divides a double of all the digits by a power of ten: it is nearest while both are exact, below 2^53 and up to
  10^22. The way through text is exact on every engine, and takes longer.
-#}
{% macro _nearest_double(value, scale) -%}
    {%- set through_text = 'cast(cast(' ~ value ~ ' as string) as double)' -%}
    {%- if scale == 0 -%}
        cast({{ value }} as double)
    {%- elif scale > 22 -%}
        {{ through_text }}
    {%- else -%}
        {%- set limit = '9007199254740992' -%}
        {%- set padded = '0' * (scale - limit | length + 1) ~ limit -%}
        {%- set limit = padded[:-scale] ~ '.' ~ padded[-scale:] -%}
        case
            when {{ value }} between -{{ limit }} and {{ limit }}
                then cast({{ value }} as double)
            else {{ through_text }}
        end
    {%- endif -%}
{%- endmacro %}
