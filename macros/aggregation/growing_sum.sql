{#-
  The sum of `expression` over the entity's rows up to this one. Of rows with the same `order_by` value, only the last has it all:
  see `is_last_at_its_time`.
-#}
{% macro _growing_sum(expression, partition_by, order_by) -%}
    sum({{ expression }}) over (
            partition by {{ partition_by }} order by {{ order_by }}
            rows between unbounded preceding and current row
        )
{%- endmacro %}
