{#- dbt-spark adds seconds with `to_timestamp(<number>)`, which counts microseconds on Sail. -#}
{% macro fpspark__dateadd(datepart, interval, from_date_or_timestamp) -%}
    timestampadd({{ datepart }}, {{ interval }}, cast({{ from_date_or_timestamp }} as timestamp))
{%- endmacro %}

{% macro fpspark__split_part(string_text, delimiter_text, part_number) -%}
    split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}

{#- Backslashes too: Spark reads them in literals. -#}
{% macro fpspark__escape_single_quotes(expression) -%}
    {{ expression | replace('\\', '\\\\') | replace("'", "\\'") }}
{%- endmacro %}

{#- A text that stands for a nested value, as in unit tests, is an expression: `array('a', 'b')`. -#}
{% macro fpspark__safe_cast(field, type) -%}
    {%- if field is string and field.startswith("'") and cast_from_string_unsupported_for(type) -%}
        {%- set field = field[1:-1] | replace("\\'", "'") | replace('\\\\', '\\') -%}
    {%- endif -%}
    cast({{ field }} as {{ type }})
{%- endmacro %}
