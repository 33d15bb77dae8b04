{#- The job's row filters as one SQL condition. NULL never matches a comparison. -#}
{% macro _row_filters(filters) -%}
    {%- for filter in filters -%}
        {{- 'and ' if not loop.first -}}{{- _row_filter(filter) -}}{{- '\n        ' if not loop.last -}}
    {%- endfor -%}
{%- endmacro %}


{% macro _row_filter(filter) -%}
    {%- set column = sql_identifier(filter.column) -%}
    {%- set column = 'cast(' ~ column ~ ' as string)' if filter.as_text else column -%}
    {%- set operators = {
        'equals': '=', 'not_equals': '!=', 'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<=',
        'in': 'in', 'not_in': 'not in', 'is_null': 'is null', 'is_not_null': 'is not null',
    } -%}
    {%- set operator = operators[filter.op] -%}
    {%- set literals = [] -%}
    {%- for literal in filter.literals -%}
        {%- do literals.append(sql_literal(literal.text, literal.type)) -%}
    {%- endfor -%}
    {{ _comparable(column, filter.literals[0].type) if literals else column }} {{ operator }}
    {%- if filter.op in ['in', 'not_in'] %} ({{ literals | join(', ') }})
    {%- elif literals %} {{ literals[0] }}
    {%- endif -%}
{%- endmacro %}
