{#-
  Of several rows of an entity at one instant, the last has the growing sums of all of them, whichever it is. `next_in_order` tells the last by
  the order in which the sums grow, so both belong into one select, next to each other. Grouping by entity and time first would say the same, and take longer.
-#}
{% macro _next_in_order(value, partition_by, order_by) -%}
    lead({{ value }}) over (partition by {{ partition_by }} order by {{ order_by }})
{%- endmacro %}


{% macro _is_last_at_its_time(order_by) -%}
    _next_time is null or _next_time > {{ order_by }}
{%- endmacro %}
