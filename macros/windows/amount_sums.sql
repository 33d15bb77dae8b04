{#-
  What is summed of each row, so that the sums are exact and few: a mapping of names to `term`, the SQL of a row's part of the sum,
  `zero`, the sum of no rows, and a `comment` where the sum needs one.

    packed   `_entries`, one number, which halves the time of a look-up: the sum of the amounts, and in as many places behind theirs
             as `digits` says, their number. Exact for less than half of 10^digits amounts of a user: 5 x 10^9, or 5 x 10^8 of 18 digits.
    plain    `_total`, and `_amounts`, their number
    wide     `_high` and `_low`, and `_amounts`
-#}
{% macro _amount_sums(types) -%}
    {%- if types.form == 'packed' -%}
        {%- set scale = types.scale + types.digits -%}
        {%- set each = 'decimal(27, ' ~ scale ~ ')' -%}
        {%- do return({'_entries': {
            'term': 'coalesce(cast(cast(_amount as ' ~ each ~ ') + ' ~ _power_of_ten(-scale) ~ ' as ' ~ each ~ '), cast(0 as ' ~ each ~ '))',
            'zero': 'cast(0 as decimal(37, ' ~ scale ~ '))',
            'comment': '_entries = amount + 10^-' ~ scale ~ ', for each amount: the sum and the count of amounts in one number',
        }}) -%}
    {%- endif -%}
    {%- set amount = '_low' if types.form == 'wide' else '_amount' -%}
    {%- do return(dict(_total_sums(types), _amounts={
        'term': 'case when ' ~ amount ~ ' is null then 0 else 1 end',
        'zero': '0',
    })) -%}
{%- endmacro %}


{#- The same for totals alone, of the rows for which `condition` is true. -#}
{% macro _total_sums(types, condition=none) -%}
    {%- if types.form == 'wide' -%}
        {%- set terms = {'_high': ['_high', 13, 0], '_low': ['_low', 26, 0]} -%}
    {%- else -%}
        {%- set terms = {'_total': ['_amount', 28 if types.is_floating else 27, types.scale]} -%}
    {%- endif -%}
    {%- set sums = {} -%}
    {%- for name, (column, digits, scale) in terms.items() -%}
        {%- set each = 'decimal(' ~ digits ~ ', ' ~ scale ~ ')' -%}
        {%- set value = 'cast(' ~ column ~ ' as ' ~ each ~ ')' -%}
        {%- set value = 'case when ' ~ condition ~ ' then ' ~ value ~ ' end' if condition else value -%}
        {%- do sums.update({name: {
            'term': 'coalesce(' ~ value ~ ', cast(0 as ' ~ each ~ '))',
            'zero': 'cast(0 as decimal(' ~ (digits + 10) ~ ', ' ~ scale ~ '))',
        }}) -%}
    {%- endfor -%}
    {%- do return(sums) -%}
{%- endmacro %}


{#-
  CTEs from a CTE with sums to `totals`, with the columns kept, and per suffix `_total<suffix>`, and `_amounts<suffix>` if the amounts are
  counted. A total in two parts becomes `_units<suffix>`, a whole number of the amounts' last place, NULL past 38 digits.
-#}
{% macro _totals_of_sums(sums, columns, suffixes, types, is_counted=true) -%}
{%- if types.form == 'wide' -%}
{{ _totals_of_two_parts(sums, columns, suffixes, is_counted) }}
{%- else -%}
totals as (
    select
        {%- for name in columns %}
        {{ name }},
        {%- endfor %}
        {%- for suffix in suffixes %}
        {%- if types.form == 'packed' and is_counted %}
        cast(_entries{{ suffix }} as decimal(28, {{ types.scale }})) as _total{{ suffix }},
        cast(
            pmod(_entries{{ suffix }}, {{ _power_of_ten(-types.scale) }}) * {{ _power_of_ten(types.scale + types.digits) }} as bigint
        ) as _amounts{{ suffix }}{{ ',' if not loop.last }}
        {%- else %}
        _total{{ suffix }}{{ ',' if is_counted or not loop.last }}
        {%- if is_counted %}
        _amounts{{ suffix }}{{ ',' if not loop.last }}
        {%- endif %}
        {%- endif %}
        {%- endfor %}
    from {{ sums }}
)
{%- endif -%}
{%- endmacro %}


{% macro _totals_of_two_parts(sums, columns, suffixes, is_counted) -%}
{%- set unit = _power_of_ten(26) -%}
carried_sums as (
    select
        {%- for name in columns %}
        {{ name }},
        {%- endfor %}
        {%- for suffix in suffixes %}
        {%- if is_counted %}
        _amounts{{ suffix }},
        {%- endif %}
        cast(_high{{ suffix }} + cast(
            (_low{{ suffix }} - pmod(_low{{ suffix }}, {{ unit }})) * {{ _power_of_ten(-26) }} as decimal(13, 0)
        ) as decimal(25, 0)) as _high{{ suffix }},
        cast(pmod(_low{{ suffix }}, {{ unit }}) as decimal(26, 0)) as _low{{ suffix }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ sums }}
),

-- Both parts have the total's sign here, so that neither is larger than it.
totals as (
    select
        {%- for name in columns %}
        {{ name }},
        {%- endfor %}
        {%- for suffix in suffixes %}
        {%- if is_counted %}
        _amounts{{ suffix }},
        {%- endif %}
        case
            when _high{{ suffix }} between 0 and 999999999999
                then cast(_high{{ suffix }} as decimal(12, 0)) * {{ unit }} + _low{{ suffix }}
            when _high{{ suffix }} between -1000000000000 and -1
                then cast(_high{{ suffix }} + 1 as decimal(12, 0)) * {{ unit }} - ({{ unit }} - _low{{ suffix }})
        end as _units{{ suffix }}{{ ',' if not loop.last }}
        {%- endfor %}
    from carried_sums
)
{%- endmacro %}


{#- A total as the decimal that it is returned as; an error that names the column if that cannot hold it. -#}
{% macro _total_value(suffix, types, amount_col) -%}
    {%- if types.form == 'wide' -%}
        case
            when _units{{ suffix }} between cast('-{{ '9' * 38 }}' as decimal(38, 0)) and cast('{{ '9' * 38 }}' as decimal(38, 0))
                then {{ _decimal_of_units('_units' ~ suffix, types.scale) }}
            else {{ _raise_fault('amount_without_room', [
                'amounts of column `' ~ amount_col ~ '`: expected sums of at most 38 digits, as ' ~ types.result ~ ' holds, found a larger one;',
                ' leave rows out with `filters`, or give the column fewer digits in the source',
            ]) | indent(12) }}
        end
    {%- else -%}
        cast(_total{{ suffix }} as decimal(38, {{ types.scale }}))
    {%- endif -%}
{%- endmacro %}


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
