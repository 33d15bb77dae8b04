{#-
  CTEs from `input_rows` (numbered with several feature sets) to `input_periods`: per period, the number of input rows and their fingerprint,
  `<definition>:<number of rows>:<sum of the rows' 64-bit hashes, in two halves>`, which does not depend on the rows' order. Equal fingerprints: equal features.
  The rows are counted by day first, because a date is found from a time much faster than a month is. Of `periods`, the first days of some, only their rows.
-#}
{% macro _input_fingerprint(table, definition, loaded_at=none, periods=none) -%}
{{ _hashed_days(table, loaded_at, periods) }},

{{ _input_periods(table, definition, loaded_at) }}
{%- endmacro %}


{#- CTEs from `input_rows` to `input_days`: the rows counted and their hashes summed by day; in all, where the table has no periods. -#}
{% macro _hashed_days(table, loaded_at, periods=none) -%}
hashed_rows as (
    {%- for feature_set in table.feature_sets %}
    {%- if table.period %}
    select
        cast({{ sql_identifier(feature_set.timestamp_col) }} as date) as _day,
        {%- if loaded_at %}
        {{ sql_identifier(loaded_at) }} as _loaded_at,
        {%- endif %}
        {{ _row_hash(feature_set, loop.index0) }} as _hash
    {%- else %}
    select {{ _row_hash(feature_set, loop.index0) }} as _hash
    {%- endif %}
    from {{ _numbered('input_rows', table, loop.index0) }}
    where
        {%- for key in _key_columns(feature_set) %}
        {{ 'and ' if not loop.first }}{{ key }} is not null
        {%- endfor %}
        {%- if periods %}
        and (
            {{ _is_in_periods(feature_set.timestamp_col, periods, dict(table, reach_days=0, reach_periods={})) | indent(4) }}
        )
        {%- endif %}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
),

input_days as (
    select
        {%- if table.period %}
        _day,
        {%- endif %}
        count(*) as _rows,
        {%- if loaded_at and table.period %}
        max(_loaded_at) as _loaded_at,
        {%- endif %}
        {{ _hash_sums('_hash') }}
    from hashed_rows
    {%- if table.period %}
    group by _day
    {%- endif %}
)
{%- endmacro %}


{#- CTEs from `input_days` to `input_periods`. -#}
{% macro _input_periods(table, definition, loaded_at=none) -%}
{% if table.period -%}
days_in_period as (
    select
        *,
        {{ _period_start('_day', table.period) }} as period_start
    from input_days
),

input_periods as (
    select
        period_start,
        sum(_rows) as input_rows,
        {%- if loaded_at %}
        max(_loaded_at) as _input_loaded_at,
        {%- endif %}
        {{ _fingerprint(definition) }} as _input_fingerprint
    from days_in_period
    group by period_start
)
{%- else -%}
input_periods as (
    select
        coalesce(sum(_rows), 0) as input_rows,
        {{ _fingerprint(definition) }} as _input_fingerprint
    from input_days
)
{%- endif -%}
{%- endmacro %}


{% macro _fingerprint(definition) -%}
    concat('{{ definition }}:', coalesce(sum(_rows), 0), ':', coalesce(sum(_low_bits), 0), ':', coalesce(sum(_high_bits), 0))
{%- endmacro %}


{#- The sum of 64-bit hashes as the sums of their halves: no engine overflows before 2^31 rows, and sums of decimals take longer. -#}
{% macro _hash_sums(hash, suffix='') -%}
        sum({{ hash }} & 4294967295) as _low_bits{{ suffix }},
        sum(shiftright({{ hash }}, 32)) as _high_bits{{ suffix }}
{%- endmacro %}


{#- A 64-bit hash of what a feature set reads of a row. NULLs are marked, because the hash itself passes over them. -#}
{% macro _row_hash(feature_set, number) -%}
    {%- set keys = _key_columns(feature_set) -%}
    {%- set values = [number] -%}
    {%- for name, data_type in feature_set.reads.items() -%}
        {%- set column = sql_identifier(name) -%}
        {#- The hash passes over NULLs inside of a value, too, and Spark has none of maps. -#}
        {%- set is_nested = data_type.startswith(('array', 'map', 'struct')) -%}
        {%- do values.append('to_json(struct(' ~ column ~ '))' if is_nested else _comparable(column, data_type)) -%}
        {#- It is the same for 0.0 and -0.0, which a macro may tell apart. -#}
        {%- if _is_floating(data_type) -%}
            {%- do values.append('case when ' ~ column ~ ' = 0 then cast(' ~ column ~ ' as string) end') -%}
        {%- endif -%}
        {%- if column not in keys -%}
            {%- do values.append(column ~ ' is null') -%}
        {%- endif -%}
    {%- endfor -%}
    xxhash64(
            {{ values | join(',\n            ') }}
        )
{%- endmacro %}
