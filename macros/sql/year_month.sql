{#- The month of a day as 'yyyy-MM'. Months are grouped as dates and written out afterwards: text is slow to make and to group by. -#}
{% macro _year_month(day) -%}
    date_format({{ day }}, 'yyyy-MM')
{%- endmacro %}
