{#-
  CTEs from `input_rows` (numbered with several feature sets) to `input_periods`: per period, the number of input rows and their fingerprint,
  `<definition>:<number of rows>:<sum of the rows' 64-bit hashes, in two halves>`, which does not depend on the rows' order. Equal fingerprints: equal features.
  The rows are counted by day first, because a date is found from a time much faster than a month is.
-#}
{% macro input_fingerprint(table, definition, loaded_at=none) -%}
hashed_rows as (
    {%- for feature_set in table.feature_sets %}
    {%- if table.period %}
    select
        cast({{ sql_identifier(feature_set.params.timestamp_col) }} as date) as _day,
        {%- if loaded_at %}
        {{ sql_identifier(loaded_at) }} as _loaded_at,
        {%- endif %}
        {{ row_hash(feature_set, loop.index0) }} as _hash
    {%- else %}
    select {{ row_hash(feature_set, loop.index0) }} as _hash
    {%- endif %}
    from {{ numbered('input_rows', table, loop.index0) }}
    where
        {%- for key in feature_set['keys'] %}
        {{ 'and ' if not loop.first }}{{ sql_identifier(feature_set.params.timestamp_col if key == 'year_month' else key) }} is not null
        {%- endfor %}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
),

{% if table.period -%}
input_days as (
    select
        _day,
        count(*) as _rows,
        {%- if loaded_at %}
        max(_loaded_at) as _loaded_at,
        {%- endif %}
        {{ hash_sums('_hash') }}
    from hashed_rows
    group by _day
),

days_in_period as (
    select
        *,
        {{ period_start('_day', table.period) }} as period_start
    from input_days
),

input_periods as (
    select
        period_start,
        sum(_rows) as input_rows,
        {%- if loaded_at %}
        max(_loaded_at) as _input_loaded_at,
        {%- endif %}
        concat('{{ definition }}:', sum(_rows), ':', sum(_low_bits), ':', sum(_high_bits)) as _input_fingerprint
    from days_in_period
    group by period_start
)
{%- else -%}
input_hashes as (
    select
        count(*) as input_rows,
        {{ hash_sums('_hash') }}
    from hashed_rows
),

input_periods as (
    select
        input_rows,
        concat('{{ definition }}:', input_rows, ':', coalesce(_low_bits, 0), ':', coalesce(_high_bits, 0)) as _input_fingerprint
    from input_hashes
)
{%- endif -%}
{%- endmacro %}


{#- The sum of 64-bit hashes as the sums of their halves: no engine overflows before 2^31 rows, and sums of decimals take longer. -#}
{% macro hash_sums(hash) -%}
        sum({{ hash }} & 4294967295) as _low_bits,
        sum(shiftright({{ hash }}, 32)) as _high_bits
{%- endmacro %}


{#- A 64-bit hash of what a feature set reads of a row. NULLs are marked, because the hash itself passes over them. -#}
{% macro row_hash(feature_set, number) -%}
    {%- set values = [number] -%}
    {%- for role in ['user_id_col', 'timestamp_col', 'amount_col', 'category_col'] if role in feature_set.params -%}
        {%- set column = sql_identifier(feature_set.params[role]) -%}
        {%- do values.append(column) -%}
        {%- if role in ['amount_col', 'category_col'] -%}
            {%- do values.append(column ~ ' is null') -%}
        {%- endif -%}
    {%- endfor -%}
    xxhash64({{ values | join(', ') }})
{%- endmacro %}
