{#-
  What a feature table needs so that it equals a full refresh. `input_rows` is a query of the input's rows, `unfiltered_rows` one of those
  and of the rows that the job's filters leave out, and `columns` are the names of the columns that the table is to have. Returns a
  mapping of

    action    `rebuild` (all rows are replaced), `replace` (those of some periods are), or `skip`
    reason    why a table is rebuilt; none for the other actions
    periods   the periods to compute, each a mapping of `start`, `change` and `rows`
    of        the number of periods that input and table have together; none if it is not known
-#}
{% macro _incremental_work(table, input_rows, unfiltered_rows, stored_relation, columns, definition, loaded_at=none) -%}
    {%- set differences = _column_differences(stored_relation, columns) -%}
    {%- if differences -%}
        {%- do return(_rebuild(differences)) -%}
    {%- endif -%}
    {%- set candidates = _loaded_periods(table, unfiltered_rows, stored_relation, loaded_at) if loaded_at and table.period else none -%}
    {%- set rows = run_query(_changed_periods(table, input_rows, stored_relation, definition, candidates)).rows -%}
    {%- set periods = [] -%}
    {%- for row in rows if row['change'] -%}
        {%- do periods.append({'start': _as_day(row['period_start']), 'change': row['change'], 'rows': row['input_rows'] | int}) -%}
    {%- endfor -%}
    {%- set changes = periods | map(attribute='change') | unique | list -%}
    {%- if table.period and none in periods | map(attribute='start') -%}
        {#- Another program wrote them: no partition of a time has them. -#}
        {%- do return(_rebuild('the table has rows without a period')) -%}
    {%- elif 'redefined' in changes -%}
        {%- do return(_rebuild('parameters changed', periods)) -%}
    {%- elif changes and not table.period -%}
        {%- do return(_rebuild('input changed', periods)) -%}
    {%- elif changes == ['new'] and periods | length == rows | length -%}
        {%- do return(_rebuild('the table is empty', periods)) -%}
    {%- endif -%}
    {%- do return({'action': 'replace' if changes else 'skip', 'reason': none, 'periods': periods, 'of': rows | length}) -%}
{%- endmacro %}


{#- The work on a table that is not there yet, counted. -#}
{% macro _first_run(table, input_rows) -%}
    {%- set query -%}
        with

        {{ _input_days_now(table, input_rows) }},

        {{ _input_periods(table, '') }}

        select
            {{ 'period_start' if table.period else 'cast(null as date) as period_start' }},
            input_rows
        from input_periods
        order by period_start
    {%- endset -%}
    {%- set periods = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do periods.append({'start': _as_day(row['period_start']), 'change': 'new', 'rows': row['input_rows'] | int}) -%}
    {%- endfor -%}
    {%- do return(_rebuild('first run', periods)) -%}
{%- endmacro %}


{#- Work that replaces all rows of a table. -#}
{% macro _rebuild(reason, periods=[]) -%}
    {%- do return({'action': 'rebuild', 'reason': reason, 'periods': periods, 'of': periods | length or none}) -%}
{%- endmacro %}


{#- How the columns of a stored table differ from those that it is to have, in words; none if they do not. -#}
{% macro _column_differences(stored_relation, columns) -%}
    {%- set stored = adapter.get_columns_in_relation(stored_relation) | map(attribute='name') | list -%}
    {%- set added = columns | reject('in', stored) | list -%}
    {%- set dropped = stored | reject('in', columns) | list -%}
    {%- set words = [
        'adds ' ~ added | join(', ') if added else none,
        'drops ' ~ dropped | join(', ') if dropped else none,
    ] | select | list -%}
    {%- do return('columns changed: ' ~ words | join('; ') if words else none) -%}
{%- endmacro %}


{#-
  The first days of the periods with rows that were loaded since the stored table was computed, in order; none if the table does not
  tell since when, or if even the rows of its last load are gone: then all periods are looked at. Rows of the very last load count,
  because another one may have had the same instant. So do rows that the job's filters leave out: a correction may have made them so.
-#}
{% macro _loaded_periods(table, unfiltered_rows, stored_relation, loaded_at) -%}
    {%- set since = run_query('select max(_input_loaded_at) as since from ' ~ stored_relation).rows[0]['since'] -%}
    {%- if since is none -%}
        {%- do return(none) -%}
    {%- endif -%}
    {%- set query -%}
        with

        loaded_days as (
            {%- for feature_set in table.feature_sets %}
            select cast({{ sql_identifier(feature_set.timestamp_col) }} as date) as _day
            from ({{ unfiltered_rows }}) as unfiltered_rows
            where {{ sql_identifier(loaded_at) }} >= timestamp'{{ since }}' or {{ sql_identifier(loaded_at) }} is null
            {{ 'union' if not loop.last }}
            {%- endfor %}
        ),

        loaded_periods as (
            select {{ _period_start('_day', table.period) }} as period_start
            from loaded_days
            where _day is not null
        )

        select distinct period_start
        from loaded_periods
        order by period_start
    {%- endset -%}
    {%- set periods = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do periods.append(_as_day(row['period_start'])) -%}
    {%- endfor -%}
    {%- do return(periods or none) -%}
{%- endmacro %}


{#- A day that a query has returned: adapters give dates, or their text. -#}
{% macro _as_day(value) -%}
    {%- do return(modules.datetime.date.fromisoformat(value) if value is string else value) -%}
{%- endmacro %}
