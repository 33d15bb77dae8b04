{#-
  What `expression` was `days` x 24 hours before this row, that instant included; NULL if the entity had no row yet. The frame is over
  integer microseconds, which means the same on every engine and in every time zone, and which the engines search faster than intervals.
-#}
{% macro _latest_before(expression, partition_by, order_by, days) -%}
    last_value({{ expression }}) over (
            partition by {{ partition_by }} order by {{ order_by }}
            range between unbounded preceding and {{ days * 86400000000 }} preceding
        )
{%- endmacro %}
