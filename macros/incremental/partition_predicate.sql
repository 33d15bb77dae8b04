{#- The condition that a row's period is one of those given by their first days: literals only, as engines want it to choose partitions. -#}
{% macro _partition_predicate(periods, column='period_start') -%}
    {{ column }} in (
    {%- for start in periods -%}
        date '{{ start }}'{{ ', ' if not loop.last }}
    {%- endfor -%}
    )
{%- endmacro %}
