{#- Those of a job's input columns, each a `name` and a `type`, that are the event time of some feature. -#}
{% macro _event_times(columns, node) -%}
    {%- set types, names = {}, [] -%}
    {%- for table in _tables_over(node) -%}
        {%- for feature_set in table.feature_sets if feature_set.timestamp_col -%}
            {%- do names.append(feature_set.timestamp_col) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for question in _questions_of(node) if question.event_time -%}
        {%- do names.extend(question.event_time.values()) -%}
    {%- endfor -%}
    {%- set times = [] -%}
    {%- for column in columns if column.name in names -%}
        {%- do times.append(column) -%}
    {%- endfor -%}
    {%- do return(times) -%}
{%- endmacro %}


{#- Whether a time lies before the year 1 or after the year 9999, where engines hold values that no calendar of Python, dbt or SQL has. -#}
{% macro _is_outside_calendar(event_time, data_type) -%}
    {{ _event_micros(event_time, data_type) }} not between -62135596800000000 and 253402300799999999
{%- endmacro %}
