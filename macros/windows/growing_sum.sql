{#- The sum of `expression` over the entity's rows up to this one. One row per `order_by` value is expected. -#}
{% macro growing_sum(expression, partition_by, order_by) -%}
    sum({{ expression }}) over (
            partition by {{ partition_by }} order by {{ order_by }}
            rows between unbounded preceding and current row
        )
{%- endmacro %}
