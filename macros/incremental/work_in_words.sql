{#- Work on a feature table in words: `2 of 15 months: 1994-02 (changed), 1994-03 (reached)`. -#}
{% macro _work_in_words(period, work) -%}
    {%- if work.action == 'skip' -%}
        nothing new
    {%- elif work.action == 'rebuild' -%}
        all rows: {{ work.reason }}
    {%- else -%}
        {{- work.periods | length }} of {{ work.of }} {{ period }}s:
        {%- for each in work.periods %} {{ _period_name(each.start, period) }} ({{ each.change }}){{ ',' if not loop.last }}{% endfor -%}
    {%- endif -%}
{%- endmacro %}


{#- A period as people write it: 1994-02-01, 1994-02, 1994. -#}
{% macro _period_name(start, period) -%}
    {{- (start | string)[:{'day': 10, 'month': 7, 'year': 4}[period]] -}}
{%- endmacro %}


{#- Work as plain data, dates as text: what `fpjob` reads from dbt's log. -#}
{% macro _loggable(period, work) -%}
    {%- set periods = [] -%}
    {%- for each in work.periods -%}
        {%- do periods.append({'period': _period_name(each.start, period) if period else none, 'change': each.change, 'rows': each.rows}) -%}
    {%- endfor -%}
    {%- do return({'action': work.action, 'reason': work.reason, 'of': work.of, 'unit': period, 'periods': periods}) -%}
{%- endmacro %}
