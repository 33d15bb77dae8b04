{#- A table has the columns that the registry declares, with their types; it may have more. -#}
{% test declared_types(model, columns) %}
{{ _wrong_types(model, columns) }}
{% endtest %}
