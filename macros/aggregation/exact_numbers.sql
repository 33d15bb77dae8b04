{#- The name of a column's numbers as decimals that are summed exactly; of numbers in two parts the name that `_high` and `_low` are added to. -#}
{% macro _exact(plan, number) -%}
    {%- set given = _column(plan, number.column) -%}
    {%- set types = number.types -%}
    {%- if types.form != 'wide' and not types.is_floating -%}
        {%- do return(given) -%}
    {%- endif -%}
    {%- set name = given ~ '_exact' -%}
    {%- set known = plan.exact.get(name, {'given': given, 'column': number.column, 'types': types, 'conditions': []}) -%}
    {%- do known.conditions.append(number.condition) if number.condition not in known.conditions -%}
    {%- do plan.exact.update({name: known}) -%}
    {%- do return(name) -%}
{%- endmacro %}


{#- CTEs of the numbers that are made exact first. -#}
{% macro _exact_numbers(plan) -%}
{%- if plan.exact %}
given_numbers as (
    select
        *,
        {%- for name, number in plan.exact.items() %}
        {#- Only numbers that are summed have to fit. #}
        {%- set given = 'cast(' ~ number.given ~ ' as ' ~ ('double' if number.types.is_floating else number.types.each) ~ ')' %}
        {{ _passing(given, none if none in number.conditions else number.conditions | join(' or ')) }} as {{ name }}_given{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.stage }}
),
{% do plan.update({'stage': 'given_numbers'}) %}
{%- set doubles, parted = {}, {} -%}
{%- for name, number in plan.exact.items() -%}
    {%- do (doubles if number.types.is_floating else parted).update({name: number}) -%}
{%- endfor -%}
{{- _exact_doubles(doubles) if doubles -}}
{%- do plan.update({'stage': 'exact_doubles'}) if doubles -%}
{{- _parted_numbers(parted, plan.stage) if parted -}}
{%- do plan.update({'stage': 'parted_numbers'}) if parted -%}
{%- endif -%}
{%- endmacro %}


{#-
  The shortest decimal that is read as the same double, rounded half up to six places. Engines' own casts from doubles give other digits, and
  JVM 17 writes some of 2^53 and more with other digits than the shortest.

  Below 2^29 at most one decimal of seven places is read as the same double, so a double at or above the double of a half is
  rounded up. From 2^53 on a double is a whole number, and the shortest decimal is the first of it rounded to 15, 16 and 17 digits
  that is read as the same double.
-#}
{% macro _exact_doubles(numbers) %}
sized_doubles as (
    select
        *,
        {%- for name in numbers %}
        case when {{ name }}_given < 0 then -1 else 1 end as {{ name }}_sign,
        abs({{ name }}_given) as {{ name }}_size,
        floor(case when abs({{ name }}_given) < 500000000D then abs({{ name }}_given) * 1000000D end) as {{ name }}_millionths{{ ',' if not loop.last }}
        {%- endfor %}
    from given_numbers
),

-- A double from 2^53 on, as the whole number that it is; and the place of its 17th digit.
whole_doubles as (
    select
        *,
        {%- for name in numbers %}
        case when {{ name }}_size >= 9007199254740992D and {{ name }}_size < 1e22D then cast(
            cast(floor({{ name }}_size / 4294967296D) as decimal(13, 0)) * cast(4294967296 as decimal(10, 0))
            + cast(cast({{ name }}_size % 4294967296D as bigint) as decimal(10, 0)) as decimal(22, 0)
        ) end as {{ name }}_whole,
        case
            {%- for digits in [17, 18, 19, 20, 21] %}
            when {{ name }}_size < 1e{{ digits }}D then {{ _power_of_ten(digits - 17) }}
            {%- endfor %}
            else {{ _power_of_ten(5) }}
        end as {{ name }}_place{{ ',' if not loop.last }}
        {%- endfor %}
    from sized_doubles
),

rounded_doubles as (
    select
        *,
        {%- for name in numbers %}
        {%- set is_last = loop.last %}
        {%- for digits in [15, 16, 17] %}
        {%- set place = name ~ '_place' if digits == 17 else '(' ~ name ~ '_place * ' ~ 10 ** (17 - digits) ~ ')' %}
        cast(
            {{ name }}_whole - {{ name }}_whole % {{ place }}
            + case
                when {{ name }}_whole % {{ place }} * 2 >= {{ place }} then {{ place }} else 0
            end as decimal(23, 0)
        ) as {{ name }}_of_{{ digits }}_digits{{ ',' if not (loop.last and is_last) }}
        {%- endfor %}
        {%- endfor %}
    from whole_doubles
),

exact_doubles as (
    select
        *,
        {%- for name, number in numbers.items() %}
        {%- set each = number.types.each %}
        case
            when {{ name }}_size < 500000000D then cast(cast(
                (
                    {{ name }}_millionths
                    + case when {{ name }}_size >= (2 * {{ name }}_millionths + 1) / 2000000D then 1 else 0 end
                ) * {{ name }}_sign as decimal(15, 0)
            ) * {{ _power_of_ten(-6) }} as {{ each }})
            when {{ name }}_size < 9007199254740992D then cast(cast({{ name }}_given as string) as {{ each }})
            when cast({{ name }}_of_15_digits as double) = {{ name }}_size then cast({{ name }}_of_15_digits * {{ name }}_sign as {{ each }})
            when cast({{ name }}_of_16_digits as double) = {{ name }}_size then cast({{ name }}_of_16_digits * {{ name }}_sign as {{ each }})
            when {{ name }}_size < 1e22D then cast({{ name }}_of_17_digits * {{ name }}_sign as {{ each }})
            when {{ name }}_size <= 1.7976931348623157e308D then {{ _raise_fault('amount_without_room', [
                'amounts of column `' ~ number.column ~ '`: expected floating-point amounts below 10^22, found a larger one;',
                ' leave such rows out with `filters`, or correct them in the source',
            ]) | indent(12) }}
        end as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from rounded_doubles
),
{% endmacro %}


{#- Numbers in units of their last place, as two whole numbers: `_high` x 10^26 + `_low`, both with the number's sign. -#}
{% macro _parted_numbers(numbers, stage) %}
cut_numbers as (
    select
        *,
        {%- for name, number in numbers.items() %}
        {{ name }}_given % {{ _power_of_ten(26 - number.types.scale) }} as {{ name }}_rest,
        {{ name }}_given % {{ _power_of_ten(13 - number.types.scale) }} as {{ name }}_end{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ stage }}
),

-- A part has at most 13 digits, which a double holds.
parted_numbers as (
    select
        *,
        {%- for name, number in numbers.items() %}
        {%- set scale = number.types.scale %}
        cast(cast(round(cast({{ name }}_given - {{ name }}_rest as double) * 1e{{ scale - 26 }}D) as bigint) as decimal(13, 0)) as {{ name }}_high,
        cast(
            cast(cast(round(cast({{ name }}_rest - {{ name }}_end as double) * 1e{{ scale - 13 }}D) as bigint) as decimal(13, 0)) * {{ _power_of_ten(13) }}
            + cast(cast(round(cast({{ name }}_end as double) * 1e{{ scale }}D) as bigint) as decimal(13, 0)) as decimal(26, 0)
        ) as {{ name }}_low{{ ',' if not loop.last }}
        {%- endfor %}
    from cut_numbers
),
{% endmacro %}


{#- The name of a window's total that is kept in two parts. -#}
{% macro _total_of_two_parts(plan, base, name, condition, asked) -%}
    {%- set found = {} -%}
    {%- for part, digits in [('high', 13), ('low', 26)] -%}
        {%- set each = 'decimal(' ~ digits ~ ', 0)' -%}
        {%- set value = _passing(name ~ '_' ~ part, condition) -%}
        {%- set state = _sum_state(plan, base ~ '_' ~ part, 'coalesce(' ~ value ~ ', cast(0 as ' ~ each ~ '))') -%}
        {%- do found.update({part: _in_window(plan, state, asked, 'cast(0 as decimal(' ~ (digits + 10) ~ ', 0))')}) -%}
    {%- endfor -%}
    {%- set total = base ~ '_units_' ~ _window_slug(asked) -%}
    {%- do plan.wide.append(dict(found, total=total)) if total not in plan.wide | map(attribute='total') -%}
    {%- do return(total) -%}
{%- endmacro %}


{#- CTEs from `in_windows` to `whole_totals`: totals in two parts as whole numbers of units of the last place, NULL past 38 digits. -#}
{% macro _whole_totals(plan) -%}
{%- set unit = _power_of_ten(26) -%}
{%- do plan.update({'values_stage': 'whole_totals'}) -%}
carried_totals as (
    select
        *,
        {%- for each in plan.wide %}
        cast({{ each.high }} + cast(
            ({{ each.low }} - pmod({{ each.low }}, {{ unit }})) * {{ _power_of_ten(-26) }} as decimal(13, 0)
        ) as decimal(25, 0)) as {{ each.total }}_high,
        cast(pmod({{ each.low }}, {{ unit }}) as decimal(26, 0)) as {{ each.total }}_low{{ ',' if not loop.last }}
        {%- endfor %}
    from in_windows
),

-- Both parts have the total's sign here, so that neither is larger than it.
whole_totals as (
    select
        *,
        {%- for each in plan.wide %}
        case
            when {{ each.total }}_high between 0 and 999999999999
                then cast({{ each.total }}_high as decimal(12, 0)) * {{ unit }} + {{ each.total }}_low
            when {{ each.total }}_high between -1000000000000 and -1
                then cast({{ each.total }}_high + 1 as decimal(12, 0)) * {{ unit }} - ({{ unit }} - {{ each.total }}_low)
        end as {{ each.total }}{{ ',' if not loop.last }}
        {%- endfor %}
    from carried_totals
),
{% endmacro %}


{#-
  A whole number of units of the last decimal place as a decimal: by its text, because arithmetic on 38 digits drops decimal places. JVM Spark's `abs` and
  its negation round to 34 digits.
-#}
{% macro _decimal_of_units(units, scale) -%}
    {%- set digits = "lpad(replace(cast(" ~ units ~ " as string), '-', ''), 38, '0')" -%}
    {%- if scale == 0 -%}
        cast({{ units }} as decimal(38, 0))
    {%- else -%}
        cast(concat(
            case when {{ units }} < 0 then '-0' else '0' end,
            substr({{ digits }}, 1, {{ 38 - scale }}), '.', substr({{ digits }}, {{ 39 - scale }})
        ) as decimal(38, {{ scale }}))
    {%- endif -%}
{%- endmacro %}
