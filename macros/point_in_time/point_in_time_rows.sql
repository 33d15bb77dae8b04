{#-
  The rows that features at other rows' times are computed from: rows that count, and rows that ask.

      asking rows (labels, customers now)   keys, t     --->  _asks
      rows of a source or model             keys, time, values, of the keys that are asked for, within reach of the times asked at

  What was known at t: a row that arrived later than it happened counts from its arrival on. Where some row of a key is still to arrive at t, the
  question gets a copy of the key's rows of its own, those that had arrived; `_known_at` tells the copies apart.
-#}
{% macro point_in_time_rows(
    asking, keys, relation, columns, event_time=none, filters=[], reach_days=none, ahead_seconds=none, newest_of=none, loaded_at=none,
    available_after=none
) -%}
    {%- set question = {
        'keys': keys, 'event_time': event_time, 'columns': columns, 'filters': filters, 'reach_days': reach_days,
        'ahead_seconds': ahead_seconds, 'newest_of': newest_of, 'loaded_at': loaded_at, 'available_after': available_after,
    } -%}
    {{- config(materialized='view', meta={'point_in_time': question}) -}}
    {{- _point_in_time_query(question, asking, relation) -}}
{%- endmacro %}


{#- The columns of the rows and their types. -#}
{% macro _point_in_time_columns(question) -%}
    {%- set columns = [] -%}
    {%- for name, data_type in question.columns.items() -%}
        {%- do columns.append({'name': name, 'type': data_type}) -%}
    {%- endfor -%}
    {%- do columns.append({'name': '_asks', 'type': 'boolean'}) if question.event_time -%}
    {%- do columns.append({'name': '_known_at', 'type': 'bigint'}) if _arrives_late(question) -%}
    {%- do return(columns) -%}
{%- endmacro %}


{% macro _arrives_late(question) -%}
    {%- do return(question.loaded_at is not none or question.available_after is not none) -%}
{%- endmacro %}


{#- The query of the rows, from the relations of both, or queries in their place. -#}
{% macro _point_in_time_query(question, asking, relation) -%}
{%- set time, keys = (question.event_time or {}) | list | first, question['keys'] | list -%}
{%- set is_late = _arrives_late(question) -%}
with

asking_rows as (
    select * from {{ asking }}
),

source_rows as (
    select * from {{ relation }}
),

rows_that_count as (
    select
        {%- for name, data_type in question.columns.items() %}
        {{ _as_type(name, data_type, name in keys or name == time) }}{{ ',' if not loop.last or is_late }}
        {%- endfor %}
        {%- if is_late %}
        {{ _arrival(question, time) }} as _arrival
        {%- endif %}
    from source_rows
    where
        {%- for name in keys + ([time] if time else []) %}
        {{ 'and ' if not loop.first }}{{ sql_identifier(name) }} is not null
        {%- endfor %}
        {%- if question.filters %}
        and {{ _row_filters(question.filters) }}
        {%- endif %}
),

{{ _asked(question, keys, time) }}
{%- if not time %}
final as (
    select rows_that_count.*
    from asked
    inner join rows_that_count
        on {{ _equal_keys(keys, 'asked', 'rows_that_count') }}
)
{%- else %}
{%- set micros = _event_micros('rows_that_count.' ~ sql_identifier(time), question.columns[time]) %}
asked_keys as (
    select
        {{ _identifiers(keys) }},
        min({{ _event_micros(sql_identifier(time), question.columns[time]) }}) as _first,
        max({{ _event_micros(sql_identifier(time), question.columns[time]) }}) as _last
    from asked
    group by {{ _identifiers(keys) }}
),

rows_in_reach as (
    select rows_that_count.*
    from asked_keys
    inner join rows_that_count
        on
            {{ _equal_keys(keys, 'asked_keys', 'rows_that_count') | indent(12) }}
            and {{ micros }} <= asked_keys._last{{ ' + ' ~ question.ahead_seconds * 1000000 if question.ahead_seconds }}
            {%- if question.reach_days is not none %}
            and {{ micros }} >= asked_keys._first - {{ question.reach_days * 86400000000 }}
            {%- endif %}
),
{% if is_late %}
{{ _copies(question, keys, time) }}
{%- endif %}
final as (
    select
        {{ _identifiers(question.columns) }},
        false as _asks{{ ',' if is_late }}
        {%- if is_late %}
        {{ _for_all() }} as _known_at
        {%- endif %}
    from rows_in_reach
    {%- if is_late %}
    union all
    select
        {{ _identifiers(question.columns) }},
        false as _asks,
        _known_at
    from copies
    {%- endif %}
    union all
    select
        {%- for name, data_type in question.columns.items() %}
        {{ sql_identifier(name) if name in keys or name == time else _typed_null(data_type) ~ ' as ' ~ sql_identifier(name) }},
        {%- endfor %}
        true as _asks{{ ',' if is_late }}
        {%- if is_late %}
        _known_at
        {%- endif %}
    from {{ 'questions' if is_late else 'asked' }}
)
{%- endif %}

select * from final
{%- endmacro %}


{#- CTEs up to `asked`: the keys and times that are asked for, each once. With `ahead_seconds`, only those whose future has come. -#}
{% macro _asked(question, keys, time) -%}
{%- set ahead = question.ahead_seconds is not none -%}
{{ 'asked_for' if ahead else 'asked' }} as (
    select distinct
        {%- for name in keys %}
        {{- ' ' if not time and keys | length == 1 else '\n        ' -}}
        cast({{ sql_identifier(question['keys'][name]) }} as {{ question.columns[name] }}) as {{ sql_identifier(name) }}{{ ',' if time or not loop.last }}
        {%- endfor %}
        {%- if time %}
        cast({{ sql_identifier(question.event_time[time]) }} as {{ question.columns[time] }}) as {{ sql_identifier(time) }}
        {%- endif %}
    from asking_rows
    where
        {%- for name in question['keys'].values() | list + ([question.event_time[time]] if time else []) %}
        {{ 'and ' if not loop.first }}{{ sql_identifier(name) }} is not null
        {%- endfor %}
),
{%- if ahead %}

newest as (
    select max(unix_micros(cast({{ sql_identifier(question.newest_of or time) }} as timestamp))) as _newest from source_rows
),

asked as (
    select asked_for.*
    from newest
    inner join asked_for
        on {{ _event_micros('asked_for.' ~ sql_identifier(time), question.columns[time]) }} + {{ question.ahead_seconds * 1000000 }} <= newest._newest
),
{%- endif %}
{% endmacro %}


{#- CTEs of the questions, and of copies of rows for those that rows are still to arrive for. -#}
{% macro _copies(question, keys, time) -%}
{%- set identifiers = _identifiers(keys) -%}
{%- set micros = _event_micros(sql_identifier(time), question.columns[time]) -%}
late_rows as (
    select
        {{ identifiers }},
        {{ micros }} as _happened,
        _arrival
    from rows_in_reach
    where _arrival > {{ micros }}
),

-- A row is missing from when it happened until it arrives.
changes as (
    select
        {{ identifiers }},
        _happened as _at,
        1 as _missing
    from late_rows
    union all
    select
        {{ identifiers }},
        _arrival as _at,
        -1 as _missing
    from late_rows
    union all
    select
        {{ identifiers }},
        {{ micros }} as _at,
        0 as _missing
    from asked
),

changes_at_instants as (
    select
        {{ identifiers }},
        _at,
        sum(_missing) as _missing
    from changes
    group by {{ identifiers }}, _at
),

missing_to_date as (
    select
        {{ identifiers }},
        _at,
        {{ _growing('sum(_missing)', identifiers | replace('\n', '') | replace('        ', ' '), '_at') }} as _missing
    from changes_at_instants
),

questions as (
    select
        asked.*,
        case when missing_to_date._missing > 0 then missing_to_date._at else {{ _for_all() }} end as _known_at
    from asked
    inner join missing_to_date
        on
            {{ _equal_keys(keys, 'asked', 'missing_to_date') | indent(12) }}
            and {{ _event_micros('asked.' ~ sql_identifier(time), question.columns[time]) }} = missing_to_date._at
),

copies as (
    select
        rows_in_reach.*,
        questions._known_at
    from questions
    inner join rows_in_reach
        on
            {{ _equal_keys(keys, 'questions', 'rows_in_reach') | indent(12) }}
            and questions._known_at >= rows_in_reach._arrival
            and questions._known_at >= {{ _event_micros('rows_in_reach.' ~ sql_identifier(time), question.columns[time]) }}
            {%- if question.reach_days is not none %}
            and questions._known_at - {{ question.reach_days * 86400000000 }} <= {{ _event_micros('rows_in_reach.' ~ sql_identifier(time), question.columns[time]) }}
            {%- endif %}
    where questions._known_at != {{ _for_all() }}
),
{% endmacro %}


{#- `_known_at` of rows that count for all questions without a copy: before all times. -#}
{% macro _for_all() -%}
    {%- do return('-1000000000000000000') -%}
{%- endmacro %}


{#- When a row was there, in microseconds: not before it happened, and never, if its load time is not known. -#}
{% macro _arrival(question, time) -%}
    {%- set happened = _event_micros(sql_identifier(time), question.columns[time]) -%}
    {%- set available = happened ~ (' + ' ~ question.available_after * 1000000 if question.available_after else '') -%}
    {%- if question.loaded_at is none -%}
        {%- do return(available) -%}
    {%- endif -%}
    {%- set loaded = 'unix_micros(cast(' ~ sql_identifier(question.loaded_at) ~ ' as timestamp))' -%}
    {%- do return('greatest(' ~ available ~ ', coalesce(' ~ loaded ~ ', 1000000000000000000))') -%}
{%- endmacro %}


{#- A column as the rows have it. -#}
{% macro _as_type(name, data_type, is_place) -%}
    {%- set column = sql_identifier(name) -%}
    {{- 'cast(' ~ column ~ ' as ' ~ data_type ~ ') as ' ~ column if is_place or data_type == 'timestamp' else column -}}
{%- endmacro %}


{% macro _identifiers(names) -%}
    {%- for name in names %}{{ sql_identifier(name) }}{{ ',\n        ' if not loop.last }}{% endfor -%}
{%- endmacro %}


{#- The condition that two relations of a query have equal keys. -#}
{% macro _equal_keys(keys, left, right) -%}
    {%- for name in keys %}{{ left }}.{{ sql_identifier(name) }} = {{ right }}.{{ sql_identifier(name) }}{{ '\nand ' if not loop.last }}{% endfor -%}
{%- endmacro %}


{#- What the rows of an input's model ask for. -#}
{% macro _questions_of(input) -%}
    {%- set questions = [] -%}
    {%- for node in graph.get('nodes', {}).values() if node.config.meta.point_in_time and _read_input(node).unique_id == input.unique_id -%}
        {%- do questions.append(node.config.meta.point_in_time) -%}
    {%- endfor -%}
    {%- do return(questions) -%}
{%- endmacro %}
