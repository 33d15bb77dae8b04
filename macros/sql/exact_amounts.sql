{#-
  CTEs up to `amounts`: the rows that count, by names of the platform's own, so that no column of the source can be taken for one of
  them. `columns` are the names and their SQL, `amount` is the SQL of an amount, `condition` says which rows count, and `amount_col` is
  the column that an error names. Adds `_amount`, exactly; `_high` and `_low` instead where sums are kept in two parts.
-#}
{% macro _exact_amounts(relation, columns, amount, condition, types, amount_col) -%}
{%- set is_as_given = not types.is_floating and types.form != 'wide' -%}
{{ 'amounts' if is_as_given else 'given_amounts' }} as (
    select
        {%- if is_as_given %}
        {{ amount }} as _amount,
        {%- else %}
        cast({{ amount }} as {{ 'double' if types.is_floating else types.each }}) as _given,
        {%- endif %}
        {%- for name, sql in columns.items() %}
        {{ sql }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }}
    where {{ condition }}
)
{%- if types.is_floating %},

{{ _amounts_of_doubles(columns, types, amount_col) }}
{%- elif types.form == 'wide' %},

{{ _amounts_in_two_parts(columns, types) }}
{%- endif %}
{%- endmacro %}


{#-
  The shortest decimal that is read as the same double, rounded half up to six places. Engines' own casts from doubles give other digits, and
  JVM 17 writes some of 2^53 and more with other digits than the shortest.

  Below 2^29 at most one decimal of seven places is read as the same double, so a double at or above the double of a half is
  rounded up. From 2^53 on a double is a whole number, and the shortest decimal is the first of it rounded to 15, 16 and 17 digits
  that is read as the same double.
-#}
{% macro _amounts_of_doubles(columns, types, amount_col) -%}
{%- set names = columns | join(',\n        ') -%}
sized_amounts as (
    select
        {{ names }},
        _given,
        case when _given < 0 then -1 else 1 end as _sign,
        abs(_given) as _size,
        floor(case when abs(_given) < 500000000D then abs(_given) * 1000000D end) as _millionths
    from given_amounts
),

-- A double from 2^53 on, as the whole number that it is; and the place of its 17th digit.
whole_amounts as (
    select
        *,
        case when _size >= 9007199254740992D and _size < 1e22D then cast(
            cast(floor(_size / 4294967296D) as decimal(13, 0)) * cast(4294967296 as decimal(10, 0))
            + cast(cast(_size % 4294967296D as bigint) as decimal(10, 0)) as decimal(22, 0)
        ) end as _whole,
        case
            {%- for digits in [17, 18, 19, 20, 21] %}
            when _size < 1e{{ digits }}D then {{ _power_of_ten(digits - 17) }}
            {%- endfor %}
            else {{ _power_of_ten(5) }}
        end as _place
    from sized_amounts
),

rounded_amounts as (
    select
        *,
        {%- for digits in [15, 16, 17] %}
        {%- set place = '_place' if digits == 17 else '(_place * ' ~ 10 ** (17 - digits) ~ ')' %}
        cast(
            _whole - _whole % {{ place }}
            + case when _whole % {{ place }} * 2 >= {{ place }} then {{ place }} else 0 end as decimal(23, 0)
        ) as _of_{{ digits }}_digits{{ ',' if not loop.last }}
        {%- endfor %}
    from whole_amounts
),

amounts as (
    select
        {{ names }},
        case
            when _size < 500000000D then cast(cast(
                (_millionths + case when _size >= (2 * _millionths + 1) / 2000000D then 1 else 0 end) * _sign as decimal(15, 0)
            ) * {{ _power_of_ten(-6) }} as {{ types.each }})
            when _size < 9007199254740992D then cast(cast(_given as string) as {{ types.each }})
            when cast(_of_15_digits as double) = _size then cast(_of_15_digits * _sign as {{ types.each }})
            when cast(_of_16_digits as double) = _size then cast(_of_16_digits * _sign as {{ types.each }})
            when _size < 1e22D then cast(_of_17_digits * _sign as {{ types.each }})
            when _size <= 1.7976931348623157e308D then {{ _raise_fault('amount_without_room', [
                'amounts of column `' ~ amount_col ~ '`: expected floating-point amounts below 10^22, found a larger one;',
                ' leave such rows out with `filters`, or correct them in the source',
            ]) | indent(12) }}
        end as _amount
    from rounded_amounts
)
{%- endmacro %}


{#- Amounts in units of their last place, as two whole numbers: `_high` x 10^26 + `_low`, both with the amount's sign. -#}
{% macro _amounts_in_two_parts(columns, types) -%}
{%- set names = columns | join(',\n        ') -%}
parted_amounts as (
    select
        {{ names }},
        _given,
        _given % {{ _power_of_ten(26 - types.scale) }} as _rest,
        _given % {{ _power_of_ten(13 - types.scale) }} as _end
    from given_amounts
),

-- A part has at most 13 digits, which a double holds.
amounts as (
    select
        {{ names }},
        cast(cast(round(cast(_given - _rest as double) * 1e{{ types.scale - 26 }}D) as bigint) as decimal(13, 0)) as _high,
        cast(
            cast(cast(round(cast(_rest - _end as double) * 1e{{ types.scale - 13 }}D) as bigint) as decimal(13, 0)) * {{ _power_of_ten(13) }}
            + cast(cast(round(cast(_end as double) * 1e{{ types.scale }}D) as bigint) as decimal(13, 0)) as decimal(26, 0)
        ) as _low
    from parted_amounts
)
{%- endmacro %}
