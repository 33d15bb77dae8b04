{#-
  What a query of `aggregate` is made of, as a mapping. Each function adds what it needs; what two of them need, they share by its SQL:

    rows        columns of the rows that count, by their names
    periods     the calendar periods of windows: day, week, month, quarter, year
    exact       numbers that are made exact first: floating-point numbers, decimals with more than 27 digits
    neighbours  when a value occurred before and after a row
    measures    further columns of a row
    terms       a row's part of a state
    states      terms to date, each with `of_all` (SQL over all of a key's rows), which to date is in the common order of rows with `is_in_order`, else `to_date`
    look_ups    when before (or after) an instant states are wanted, and which
    in_windows  differences of states: one value per instant and window
    totals      what is computed from those; `wide` names totals that are kept in two parts, `deviations` sums of squares
    orders      values in the order of their time, by their names; `joins` the positions that are wanted of them
    values      the SQL of the features, by the features' names
-#}
{% macro _aggregation_plan(relation, keys, event_time, features, types, time_zone, asking=none, available_after=none) -%}
    {%- set plan = {
        'relation': relation, 'types': types or {}, 'time_zone': time_zone, 'asking': asking,
        'keys': [], 'key_columns': [], 'event_time': sql_identifier(event_time) if event_time else none,
        'rows': {}, 'periods': [], 'exact': {}, 'neighbours': {}, 'measures': {}, 'comments': {}, 'numbers': {},
        'terms': {}, 'states': {}, 'look_ups': {}, 'in_windows': {}, 'totals': {}, 'wide': [], 'deviations': [],
        'orders': {}, 'joins': {}, 'values': {}, 'names': _column_names(features),
    } -%}
    {%- for key in keys -%}
        {%- do plan['keys'].append('_key_' ~ loop.index if keys | length > 1 else '_key') -%}
        {%- do plan.key_columns.append(sql_identifier(key)) -%}
        {%- do plan.rows.update({plan['keys'][-1]: sql_identifier(key)}) -%}
    {%- endfor -%}
    {%- if event_time -%}
        {%- do plan.update({'event_type': _type_of(plan, event_time)}) -%}
        {%- do plan.rows.update({'_event_time': plan.event_time, '_micros': _event_micros(plan.event_time, plan.event_type)}) -%}
    {%- endif -%}
    {%- if asking -%}
        {%- do plan.rows.update({'_asks': sql_identifier(asking)}) -%}
    {%- endif -%}
    {%- for feature in features -%}
        {%- do _note_number(plan, feature) -%}
    {%- endfor -%}
    {%- for feature in features -%}
        {%- for window, name in feature.windows.items() -%}
            {%- set asked = dict(feature, window=window, bounds=_window_bounds(window, feature.closed or 'right', available_after)) -%}
            {%- do _note_period(plan, asked.bounds) -%}
            {%- do plan['values'].update({name: _value_of(plan, asked)}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(plan) -%}
{%- endmacro %}


{#- The SQL of a feature over one window, by its function. -#}
{% macro _value_of(plan, asked) -%}
    {%- set families = {
        'count': _count_value, 'sum': _sum_value, 'avg': _average_value, 'variance': _variance_value, 'stddev': _variance_value,
        'count_distinct': _distinct_value, 'min': _extreme_value, 'max': _extreme_value,
        'first': _ordered_value, 'last': _ordered_value, 'first_k': _ordered_values, 'last_k': _ordered_values,
        'seconds_since_first': _seconds_value, 'seconds_since_last': _seconds_value,
    } -%}
    {%- if asked.function not in families -%}
        {%- do exceptions.raise_compiler_error(
            'aggregate: function `' ~ asked.function ~ '` is unknown. Known: `' ~ families | join('`, `') ~ '`'
        ) -%}
    {%- endif -%}
    {%- if not plan.event_time and (asked.window != 'lifetime' or asked.function not in ['count', 'sum', 'avg', 'min', 'max']) -%}
        {%- do exceptions.raise_compiler_error(
            'aggregate: without an event time, expected count, sum, avg, min or max over `lifetime`; given ' ~ asked.function
            ~ ' over `' ~ asked.window ~ '`'
        ) -%}
    {%- endif -%}
    {%- do return(families[asked.function](plan, asked) | trim) -%}
{%- endmacro %}


{#- The name in `found` of some SQL: the one that it has already, or a free one that begins with `name`. -#}
{% macro _named(found, name, sql) -%}
    {%- for known, text in found.items() if text == sql -%}
        {%- do return(known) -%}
    {%- endfor -%}
    {%- set free = name if name not in found else name ~ '_' ~ (found | length + 1) -%}
    {%- do found.update({free: sql}) -%}
    {%- do return(free) -%}
{%- endmacro %}


{#- The data type of a column. -#}
{% macro _type_of(plan, column) -%}
    {%- do return(plan.types.get(column) or _column_type(plan.relation, column)) -%}
{%- endmacro %}


{#-
  A column among the rows, by a name of the platform's own, from which further names are made. Rows that only ask have a key and a time,
  which must not count as values.
-#}
{% macro _column(plan, column) -%}
    {%- set is_zoneless = plan.types.get(column) == 'timestamp_ntz' -%}
    {%- set sql = 'cast(' ~ sql_identifier(column) ~ ' as timestamp_ntz)' if is_zoneless else sql_identifier(column) -%}
    {%- if plan.asking and sql_identifier(column) in plan.key_columns + [plan.event_time] -%}
        {%- set sql = 'case when not ' ~ sql_identifier(plan.asking) ~ ' then ' ~ sql ~ ' end' -%}
    {%- endif -%}
    {%- do return(_named(plan.rows, plan.names[column], sql)) -%}
{%- endmacro %}


{#-
  The names of the columns that features read: `_amount`, or where another name that begins with that could be taken for one made from it, `_1_amount`.
-#}
{% macro _column_names(features) -%}
    {%- set columns = [] -%}
    {%- for feature in features -%}
        {%- do columns.extend([feature.column] + (feature.order_by or [])) -%}
    {%- endfor -%}
    {%- set columns = columns | select | unique | list -%}
    {%- set names = {} -%}
    {%- for column in columns -%}
        {%- set slug = _category_slug(column) -%}
        {%- set numbered = namespace(is_needed=modules.re.match(_taken_words(), slug ~ '_')) -%}
        {%- for other in columns if other != column and (_category_slug(other) ~ '_').startswith(slug ~ '_') -%}
            {%- set numbered.is_needed = true -%}
        {%- endfor -%}
        {%- do names.update({column: '_' ~ (loop.index ~ '_' if numbered.is_needed else '') ~ slug}) -%}
    {%- endfor -%}
    {%- do return(names) -%}
{%- endmacro %}


{#- What the platform's own names begin with. -#}
{% macro _taken_words() -%}
    {%- do return('(?:key|event|micros|date|day|week|month|quarter|year|next|where|rows|block|value|before|after|in|position|last|[0-9]|)_') -%}
{%- endmacro %}


{#- The name of a condition on rows; none for all rows. -#}
{% macro _condition(plan, where) -%}
    {%- if where -%}
        {%- set tests = _row_filters(where) | replace('\n        ', ' ') -%}
        {%- do return(_named(plan.rows, '_where', 'not ' ~ sql_identifier(plan.asking) ~ ' and ' ~ tests if plan.asking else tests)) -%}
    {%- endif -%}
    {%- do return(none) -%}
{%- endmacro %}


{#- A value of rows: NULL in those that do not pass the condition. -#}
{% macro _passing(value, condition) -%}
    {%- do return('case when ' ~ condition ~ ' then ' ~ value ~ ' end' if condition else value) -%}
{%- endmacro %}


{#- The name of a term whose sum to date is a state. -#}
{% macro _sum_state(plan, name, term) -%}
    {%- set name = _named(plan.terms, name, term) -%}
    {%- do plan.states.update({name: {
        'is_in_order': true,
        'of_all': 'sum(' ~ name ~ ')',
    }}) -%}
    {%- do return(name) -%}
{%- endmacro %}


{#- The name of a state's difference over the window that is asked for. -#}
{% macro _in_window(plan, state, asked, zero='0') -%}
    {%- do return(_named(plan.in_windows, state ~ '_' ~ _window_slug(asked), _difference(plan, state, asked.bounds, zero))) -%}
{%- endmacro %}


{% macro _difference(plan, state, bounds, zero='0') -%}
    {%- set until = _state_at(plan, state, bounds.until) -%}
    {%- set until = until if until == state else 'coalesce(' ~ until ~ ', ' ~ zero ~ ')' -%}
    {%- set since = ' - coalesce(' ~ _state_at(plan, state, bounds.since) ~ ', ' ~ zero ~ ')' if bounds.since else '' -%}
    {%- do return(until ~ ('\n            ' if until != state else '') ~ (since if until == state else since | trim)) -%}
{%- endmacro %}


{#- The number of rows that count, to date: all, those that pass a condition, or those with a value. -#}
{% macro _counted(plan, value, condition) -%}
    {%- set tests = _tests_of_rows(plan, value, condition) -%}
    {%- set term = 'case when ' ~ tests | join(' and ') ~ ' then 1 else 0 end' if tests else '1' -%}
    {%- do return(_sum_state(plan, (value or '') ~ (condition or '') ~ ('_count' if value else '_rows'), term)) -%}
{%- endmacro %}


{#- What a row must pass to count: its condition, to have a value, and to be none of the rows that only ask. -#}
{% macro _tests_of_rows(plan, value, condition) -%}
    {%- set counts = 'not _asks' if plan.asking and not condition and not value else none -%}
    {%- do return([condition, value ~ ' is not null' if value else none, counts] | select | list) -%}
{%- endmacro %}
