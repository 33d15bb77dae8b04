{#-
          t - N                                          t
  --------(============================================= ]-------->  event time
          a row exactly N old is out                     every row at t is in

  A value over a window is the state to date at the window's end, less the state to date before its start: sums that only grow, and one
  look-up per window. So the time taken does not depend on how many rows a window holds.
-#}
{% macro aggregate(relation, keys, event_time, features, types=none, time_zone=none, asking=none, available_after=none) -%}
    {{- adapter.dispatch('aggregate')(
        plan=_aggregation_plan(relation, keys, event_time, features, types, time_zone, asking, available_after)
    ) -}}
{%- endmacro %}


{% macro default__aggregate(plan) -%}
with

{{ _counted_rows(plan) }},
{{ '\n' ~ _placed_rows(plan) if _is_placed(plan) }}
{{- _measured_rows(plan) }}
terms as (
    select
        {%- for name in _places(plan) %}
        {{ name }},
        {%- endfor %}
        {%- for name, term in plan.terms.items() %}
        {%- if name in plan.comments %}
        -- {{ name }} = {{ plan.comments[name] }}
        {%- endif %}
        {{ term }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.stage }}
    {{- _sums_to_date_mark(plan) }}
),

{% if plan.event_time -%}
{{ _states_to_date(plan) }}
{%- else -%}
{%- do plan.update({'states_stage': 'states'}) -%}
states as (
    select
        {%- for key in plan['keys'] %}
        {{ key }},
        {%- endfor %}
        {%- for name, state in plan.states.items() %}
        {{ state.of_all }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from terms
    group by {{ plan['keys'] | join(', ') }}
),
{% endif %}

in_windows as (
    select
        {%- for name in _grain(plan) %}
        {{ name }},
        {%- endfor %}
        {%- for name, sql in plan.in_windows.items() %}
        {% set sql = _resolved(plan, sql) %}
        {{- sql ~ (' as ' ~ name if sql != name else '') }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.states_stage }}
    {%- if plan.asking and not _is_placed(plan) %}
    where _asks
    {%- endif %}
),

{% do plan.update({'values_stage': 'in_windows'}) -%}
{{ _decoded_totals(plan) }}
{{- _deviations(plan) }}
{{- _rows_in_order(plan) -}}
final as (
    select
        {%- for column in plan['key_columns'] %}
        {{ plan['keys'][loop.index0] }} as {{ column }},
        {%- endfor %}
        {%- if plan.event_time %}
        _event_time as {{ plan.event_time }},
        {%- endif %}
        {%- for name, sql in plan['values'].items() %}
        {{ sql }} as {{ sql_identifier(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.values_stage }}
)

select * from final
{%- endmacro %}


{#- The columns of a query's rows behind its windows: keys, event time, and where seconds are counted the time as a number. -#}
{% macro _grain(plan) -%}
    {%- do return(plan['keys'] + (['_event_time'] if plan.event_time else []) + (['_micros'] if plan.orders else [])) -%}
{%- endmacro %}


{#- SQL in which a look-up of one state is that state, and not a struct of it; at places, each state that is looked up is a column. -#}
{% macro _resolved(plan, sql) -%}
    {%- set found = namespace(sql=sql) -%}
    {%- for name, look_up in plan.look_ups.items() if look_up.states | length == 1 or _is_placed(plan) -%}
        {%- for state in look_up.states -%}
            {%- set found.sql = modules.re.sub('(?<!\\w)' ~ name ~ '\\.' ~ state ~ '(?!\\w)', _name_at(name, look_up, state), found.sql) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- found.sql -}}
{%- endmacro %}
