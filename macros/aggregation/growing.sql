{#-
  An aggregate of the entity's rows up to this one. Of rows with the same `order_by` value, only the last has it all:
  see `is_last_at_its_time`.
-#}
{% macro _growing(aggregate, partition_by, order_by) -%}
    {{ aggregate }} over (
            partition by {{ partition_by }} order by {{ order_by }}
            rows between unbounded preceding and current row
        )
{%- endmacro %}
