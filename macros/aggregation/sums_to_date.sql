{#-
  A comment behind the terms of a query whose values are made of sums to date and of nothing else. Then the rows before some time may be one row per key,
  with their sums: what comes later is the same.
-#}
{% macro _sums_to_date_mark(plan) -%}
    {%- set needs_each_row = [plan.asking, plan.look_ups, plan.periods, plan.orders, plan.wide, plan.states.values() | rejectattr('is_in_order') | list] -%}
    {%- if plan.event_time and not needs_each_row | select | list %}
    -- sums to date of {{ plan['keys'] | join(', ') }}: {{ plan.terms | join(', ') }}
    {%- endif -%}
{%- endmacro %}


{#-
  A query of `aggregate` in which the rows before a day are one row per key, if the query has the mark and is nothing else; else the query as it is: what is
  built around a query of `aggregate` may need each of its rows. The one row has the time of the key's last one before the day.

                   day
  --|--|---|-|-----[===|==|====]---->  event time
            \_ one row
-#}
{% macro _earlier_rows_summed(query, day) -%}
    {%- set mark = modules.re.search('\n( *)-- sums to date of ([^:\n]*): ([^\n]*)\n *\),\n', query) -%}
    {%- set is_alone = modules.re.fullmatch('\\s*with\\s+counted_rows as \\(.*\\n *select \\* from final\\s*', query, modules.re.DOTALL) -%}
    {%- if not mark or not day or not is_alone or query.count('select * from final') > 1 -%}
        {%- do return(query) -%}
    {%- endif -%}
    {%- set keys, terms, earlier = mark[2].split(', '), mark[3].split(', '), [] -%}
    {%- for term in terms -%}
        {%- do earlier.append('sum(' ~ term ~ ') as ' ~ term) -%}
    {%- endfor -%}
    {%- set summed %}
),

earlier_terms as (
    select
        {{ (keys + ['max(_event_time) as _event_time', 'max(_micros) as _micros'] + earlier) | join(',\n        ') }}
    from each_term
    where _micros < unix_micros(timestamp '{{ day }}')
    group by {{ keys | join(', ') }}
),

terms as (
    select
        {{ (keys + ['_event_time', '_micros'] + terms) | join(',\n        ') }}
    from each_term
    where _micros >= unix_micros(timestamp '{{ day }}')
    union all
    select
        {{ (keys + ['_event_time', '_micros'] + terms) | join(',\n        ') }}
    from earlier_terms
),
{% endset -%}
    {%- set before = query[:mark.start()].rpartition('terms as (') -%}
    {%- do return(before[0] ~ 'each_term as (' ~ before[2] ~ (summed | indent(mark[1] | length - 4)) ~ query[mark.end():]) -%}
{%- endmacro %}
