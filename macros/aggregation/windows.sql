{#-
  What a window is at an instant t: the state at its end (`until`), less the state before its start (`since`, none for the beginning of time).
  Each is a `distance` back from t on an `axis`: microseconds, or whole calendar periods, of which t's own begins at distance 1. What
  lies ahead of t has a distance below 0. `width` is that of a trailing window in microseconds, `period` the calendar period of the others.

      closed    right (t - N, t]    left [t - N, t)    both [t - N, t]    none (t - N, t)
      next N    (t, t + N], with an offset of M (t + M, t + M + N]

  Instants are whole microseconds, so that an end that is left out is one microsecond away from one that counts. Rows that are there some seconds after
  their event (`available_after`) are not there yet at the window's end: it comes so much earlier.
-#}
{% macro _window_bounds(window, closed, available_after=none) -%}
    {%- set delay = (available_after or 0) * 1000000 -%}
    {%- set now = {'axis': '_micros', 'distance': [0 if closed in ['right', 'both'] else 1, delay] | max} -%}
    {%- set next = modules.re.fullmatch('next ([0-9]+)([smhdw])(?: offset ([0-9]+)([smhdw]))?', window) -%}
    {%- set trailing = modules.re.fullmatch('([0-9]+)([smhdw])(?: offset ([0-9]+)([smhdw]))?', window) -%}
    {%- set period = window.replace('previous ', '') -%}
    {%- if closed not in ['right', 'left', 'both', 'none'] -%}
        {%- do exceptions.raise_compiler_error('aggregate: `closed` is right, left, both or none, given `' ~ closed ~ '`') -%}
    {%- elif next -%}
        {%- set offset = _micros_of(next[3] or 0, next[4] or 's') -%}
        {%- set width = _micros_of(next[1], next[2]) -%}
        {%- do return({
            'until': {'axis': '_micros', 'distance': -offset - width}, 'since': {'axis': '_micros', 'distance': -offset}, 'width': width,
        }) -%}
    {%- elif trailing -%}
        {%- set offset = _micros_of(trailing[3] or 0, trailing[4] or 's') -%}
        {%- set until = [offset + (0 if closed in ['right', 'both'] else 1), delay] | max -%}
        {%- set since = offset + _micros_of(trailing[1], trailing[2]) + (1 if closed in ['left', 'both'] else 0) -%}
        {%- if since <= until -%}
            {%- do exceptions.raise_compiler_error('aggregate: `available_after` is as long as the window `' ~ window ~ '`, in which no row would count; give it to point_in_time_rows') -%}
        {%- endif -%}
        {%- do return({
            'until': {'axis': '_micros', 'distance': until}, 'since': {'axis': '_micros', 'distance': since}, 'width': since - until,
        }) -%}
    {%- elif window == 'lifetime' -%}
        {%- do return({'until': now, 'since': none}) -%}
    {%- elif period not in ['day', 'week', 'month', 'quarter', 'year'] -%}
        {%- do exceptions.raise_compiler_error(
            'aggregate: window `' ~ window ~ '` is not known; expected one such as 30d, 12h offset 1d, next 30d, lifetime, month, previous month'
        ) -%}
    {%- elif delay -%}
        {%- do exceptions.raise_compiler_error('aggregate: `available_after` moves the ends of lengths of time, given the calendar period `' ~ window ~ '`; give it to point_in_time_rows') -%}
    {%- elif window == period -%}
        {%- do return({'until': now, 'since': {'axis': '_' ~ period, 'distance': 1}, 'period': period}) -%}
    {%- endif -%}
    {%- do return({'until': {'axis': '_' ~ period, 'distance': 1}, 'since': {'axis': '_' ~ period, 'distance': 2}, 'period': period}) -%}
{%- endmacro %}


{% macro _micros_of(number, unit) -%}
    {%- do return((number | int) * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}[unit] * 1000000) -%}
{%- endmacro %}


{#- The part of a name that stands for a window. -#}
{% macro _window_slug(asked) -%}
    {%- do return(asked.window.replace(' ', '_') ~ ('_' ~ asked.closed if (asked.closed or 'right') != 'right' else '')) -%}
{%- endmacro %}


{#-
  The number of the calendar period that a day lies in: one more than that of the period before. 1970-01-01 was a Thursday, and weeks begin on Mondays.
-#}
{% macro _period_number(period) -%}
    {%- do return({
        'day': 'unix_date(_date)',
        'week': '(unix_date(_date) + 3 - pmod(unix_date(_date) + 3, 7)) div 7',
        'month': 'year(_date) * 12 + month(_date)',
        'quarter': 'year(_date) * 4 + quarter(_date)',
        'year': 'year(_date)',
    }[period]) -%}
{%- endmacro %}


{#- Notes the calendar period of a window. -#}
{% macro _note_period(plan, bounds) -%}
    {%- if bounds.period and bounds.period not in plan.periods -%}
        {%- do plan.periods.append(bounds.period) -%}
        {%- set time = 'cast(' ~ plan.event_time ~ ' as timestamp)' -%}
        {%- set is_shifted = plan.time_zone and plan.event_type != 'date' -%}
        {%- set local = 'from_utc_timestamp(' ~ time ~ ', ' ~ sql_literal(plan.time_zone) ~ ')' if is_shifted else plan.event_time -%}
        {%- do plan.rows.update({'_date': 'cast(' ~ local ~ ' as date)'}) -%}
    {%- endif -%}
{%- endmacro %}


{#-
  The SQL of a state at a place before (with `is_after`, the first instant behind it). A look-up of several states is a struct, of one the state itself:
  see `_look_up`.
-#}
{% macro _state_at(plan, state, place, is_after=false) -%}
    {%- if place.distance == 0 and not is_after -%}
        {%- do return(state) -%}
    {%- endif -%}
    {%- set name = ('_after' if is_after else '') ~ _place_name(place) -%}
    {%- if name not in plan.look_ups -%}
        {%- do plan.look_ups.update({name: dict(place, states=[], is_after=is_after)}) -%}
    {%- endif -%}
    {%- if state not in plan.look_ups[name].states -%}
        {%- do plan.look_ups[name].states.append(state) -%}
    {%- endif -%}
    {%- do return(name ~ '.' ~ state) -%}
{%- endmacro %}


{#- `_30d_ago`; `_before_30d_ago`, which leaves that instant out; `_before`; `_before_month`, before t's month began; `_before_previous_month`. -#}
{% macro _place_name(place) -%}
    {%- if place.axis != '_micros' -%}
        {%- do return('_before' ~ ('_previous' if place.distance == 2 else '') ~ place.axis) -%}
    {%- elif place.distance in [0, 1] -%}
        {%- do return('_before' if place.distance else '_now') -%}
    {%- endif -%}
    {%- set way = '_ago' if place.distance > 0 else '_ahead' -%}
    {%- for before, micros in [('', place.distance | abs), ('_before', place.distance - 1)] -%}
        {%- for unit, seconds in [('d', 86400), ('h', 3600), ('m', 60), ('s', 1)] if micros % (seconds * 1000000) == 0 -%}
            {%- do return(before ~ '_' ~ micros // (seconds * 1000000) ~ unit ~ way) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}


{#- The SQL of a place on the axis of microseconds. -#}
{% macro _place(place) -%}
    {%- do return('(_micros ' ~ ('-' if place.distance > 0 else '+') ~ ' ' ~ place.distance | abs ~ ')') -%}
{%- endmacro %}
