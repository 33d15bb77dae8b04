{#-
  An event time in microseconds, of which a day has 24 x 60 x 60 x 10^6: a date is its midnight, so that the days between two dates do not
  depend on the session's time zone, in which a day may have 23 or 25 hours.
-#}
{% macro _event_micros(event_time, data_type) -%}
    {%- if data_type == 'date' -%}
        unix_date({{ event_time }}) * 86400000000
    {%- else -%}
        unix_micros(cast({{ event_time }} as timestamp))
    {%- endif -%}
{%- endmacro %}
