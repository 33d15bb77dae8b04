{#- The month of an event time in the session's time zone, as 'yyyy-MM'. -#}
{% macro year_month(event_time) -%}
    date_format({{ event_time }}, 'yyyy-MM')
{%- endmacro %}
