{#- The values of keys that do not change with time. -#}
{% macro one_row_per_key(relation, keys, columns) -%}
select
    {{ _identifiers(keys + columns) | indent(-4) | trim }}
from {{ relation }}
{%- endmacro %}
