{#-
  The model of a feature table: all of its rows, or the periods that have changed since it was last built. Each row carries the fingerprint
  of its period's input rows, by which the next run knows what has changed by then.

  Usually a job has one feature set per table. A job may use one transformer several times with different keys or amounts; then each
  use is a feature set of its own, numbered in `_feature_set`, and the columns of the other sets are NULL in its rows.

  With a load time, other filters are another definition: periods without loads would not be looked at.
-#}
{% macro feature_table(input, feature_sets, period=none, reach_days=none, reach_periods={}) -%}
    {%- set table = {'period': period, 'reach_days': reach_days, 'reach_periods': reach_periods, 'feature_sets': feature_sets} -%}
    {{- config(
        materialized='incremental',
        incremental_strategy='replace_partitions',
        incremental_apply_config_changes=false,
        post_hook='{{ describe_in_catalog(this) }}',
        meta={'feature_table': _without_queries(table)},
        **table_layout(table)
    ) -}}
    {%- set queries = feature_sets | map(attribute='query') | list -%}
    {%- set job_input = _input_of(input) -%}
    {%- set definition = _definition_of(table, queries, job_input) -%}
    {%- set work = _rebuild('full refresh' if execute and should_full_refresh() else 'first run') -%}
    {%- if job_input.read and (is_incremental() or flags.WHICH == 'compile') -%}
        {%- set work = _feature_table_work(table, job_input, definition, this if is_incremental() else none) -%}
    {%- endif -%}
    {%- if execute -%}
        {%- do _log_event('feature_table_work', _loggable(table.period, work)) -%}
    {%- endif -%}
    {{- _feature_table_query(table, input, this, queries, definition, job_input, work) -}}
{%- endmacro %}


{#- The table as the `meta` of its model keeps it, for the other tables of the job, the tests and the catalog. -#}
{% macro _without_queries(table) -%}
    {%- set kept = [] -%}
    {%- for feature_set in table.feature_sets -%}
        {%- set of_set = {} -%}
        {%- for key, value in feature_set.items() if key != 'query' -%}
            {%- do of_set.update({key: value}) -%}
        {%- endfor -%}
        {%- do kept.append(of_set) -%}
    {%- endfor -%}
    {%- do return(dict(table, feature_sets=kept)) -%}
{%- endmacro %}


{#- A digest of all that decides what rows of the input become. -#}
{% macro _definition_of(table, queries, job_input) -%}
    {%- do return(local_md5(tojson([
        table.period, _without_marks(queries), _types_read(table), job_input.filters if job_input.loaded_at else none,
    ]))[:12]) -%}
{%- endmacro %}


{#- What is to be done to the stored table, or how many rows each period of a table that is not there yet will be computed from. -#}
{% macro _feature_table_work(table, job_input, definition, stored_relation=none) -%}
    {%- do register_sources() if flags.WHICH in ['compile', 'generate'] -%}
    {%- set input_rows = _input_rows(job_input) -%}
    {%- if stored_relation is none -%}
        {%- do return(_first_run(table, input_rows) if adapter.get_columns_in_relation(job_input.read) else _rebuild('first run')) -%}
    {%- endif -%}
    {%- set loaded_at = none if var('reconcile', false) else job_input.loaded_at -%}
    {%- do return(_incremental_work(
        table, input_rows, _input_rows(job_input, is_filtered=false), stored_relation,
        _feature_table_columns(table, job_input.loaded_at), definition, loaded_at
    )) -%}
{%- endmacro %}


{% macro _feature_table_query(table, relation, stored_relation, queries, definition, job_input, work) -%}
{%- set loaded_at = job_input.loaded_at -%}
{%- set starts = work.periods | map(attribute='start') | list -%}
-- {{ _work_in_words(table.period, work) }}
-- replaces: {{ {'rebuild': 'everything', 'skip': 'nothing'}.get(work.action) or _partition_predicate(starts) }}
{%- if work.action == 'skip' %}
select * from {{ stored_relation }}
where false
{%- else %}
with

{% for feature_set in table.feature_sets -%}
{{ _numbered('input_rows', table, loop.index0) }} as (
    {% set keyed = _keyed_columns(job_input.columns, feature_set['keys']) -%}
    {% if work.action == 'replace' -%}
    {{ _rows_in_periods(relation, feature_set.timestamp_col, starts, table, keyed) }}
    {%- else -%}
    select {{ keyed }} from {{ relation }}
    {%- endif %}
),

{{ _numbered('feature_set', table, loop.index0) }} as (
{{ _earlier_rows_summed(queries[loop.index0], _day_before_all(work, starts)) | indent(4, first=true) }}
),

{% endfor -%}
features as (
    {{- _feature_set_rows(table) }}
),

{{ _input_fingerprint(table, definition, loaded_at, starts if work.action == 'replace' else none) }},

final as (
    select
        features.*,
        {%- if loaded_at and table.period %}
        input_periods._input_loaded_at,
        {%- endif %}
        input_periods._input_fingerprint
    {#- Sail keeps the left side of a join in memory. #}
    from input_periods
    {%- if table.period %}
    inner join features
        on input_periods.period_start = features.period_start
    {%- else %}
    cross join features
    {%- endif %}
    {%- if work.action == 'replace' and (table.reach_days != 0 or table.reach_periods) %}
    where {{ _partition_predicate(starts, 'features.period_start') }}
    {%- endif %}
)

select * from final
{%- endif -%}
{%- endmacro %}


{#- A day before all periods that are replaced, a day of any time zone; none if all rows are computed. -#}
{% macro _day_before_all(work, starts) -%}
    {%- do return(_days_before(starts | min, 1) if work.action == 'replace' else none) -%}
{%- endmacro %}


{#- The rows of all feature sets, with the columns of all: Sail gives a column that begins with untyped NULLs no type. -#}
{% macro _feature_set_rows(table) -%}
    {%- set columns = _feature_columns(table) -%}
    {%- set types = {} -%}
    {%- for feature_set in table.feature_sets -%}
        {%- do types.update(feature_set.reads) -%}
        {%- do types.update(feature_set.features) -%}
    {%- endfor -%}
    {%- for feature_set in table.feature_sets -%}
        {%- set own_columns = feature_set['keys'] + feature_set.features | list %}
    select
        {%- if table.feature_sets | length > 1 %}
        {{ loop.index0 }} as _feature_set,
        {%- endif %}
        {%- for name in columns %}
        {{ sql_identifier(name) if name in own_columns else _typed_null(types.get(name)) ~ ' as ' ~ sql_identifier(name) }}{{ ',' if not loop.last or table.period }}
        {%- endfor %}
        {%- if table.period %}
        {{ _period_of_row(feature_set, table.period) }} as period_start
        {%- endif %}
    from {{ _numbered('feature_set', table, loop.index0) }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{#- The first day of the period of a feature table's row, from its key. -#}
{% macro _period_of_row(feature_set, period) -%}
    {%- set month, time = feature_set.month_key, feature_set.timestamp_col -%}
    {%- set day = 'concat(' ~ sql_identifier(month) ~ ", '-01')" if month else sql_identifier(time) -%}
    {{ _period_start('cast(' ~ day ~ ' as date)', period) }}
{%- endmacro %}


{#- NULL of a type, where that is known. -#}
{% macro _typed_null(data_type) -%}
    {{ 'cast(null as ' ~ (data_type | replace(',', ', ') if data_type.startswith('decimal') else data_type) ~ ')' if data_type else 'null' }}
{%- endmacro %}


{#- The columns of all feature sets, each once. -#}
{% macro _feature_columns(table) -%}
    {%- set columns = [] -%}
    {%- for feature_set in table.feature_sets -%}
        {%- for name in feature_set['keys'] + feature_set.features | list if name not in columns -%}
            {%- do columns.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do return(columns) -%}
{%- endmacro %}


{#- The columns of a feature table: those of its feature sets, and its own. -#}
{% macro _feature_table_columns(table, loaded_at) -%}
    {%- do return(
        (['_feature_set'] if table.feature_sets | length > 1 else []) + _feature_columns(table)
        + (['period_start'] if table.period else []) + (['_input_loaded_at'] if loaded_at and table.period else [])
        + ['_input_fingerprint']
    ) -%}
{%- endmacro %}


{#- The types of the columns that the feature sets read, by their names. -#}
{% macro _types_read(table) -%}
    {%- set types = {} -%}
    {%- for feature_set in table.feature_sets -%}
        {%- do types.update(feature_set.reads) -%}
    {%- endfor -%}
    {%- do return(types | dictsort) -%}
{%- endmacro %}


{#- A CTE's name: numbered where a table has several feature sets. -#}
{% macro _numbered(name, table, number) -%}
    {%- do return(name if table.feature_sets | length == 1 else name ~ '_' ~ number) -%}
{%- endmacro %}
