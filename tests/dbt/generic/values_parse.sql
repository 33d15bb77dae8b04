{#- Every value of the input can be read as its column's type: text formats are parsed whole here, before any feature table is built. -#}
{% test values_parse(model) %}
with

counted as (
    select
        {%- for column in var('job').input.columns %}
        count({{ sql_identifier(column.name) }}){{ ' +' if not loop.last }}
        {%- endfor %} as non_null_values
    from {{ model }}
)

select * from counted
where non_null_values < 0
{% endtest %}
