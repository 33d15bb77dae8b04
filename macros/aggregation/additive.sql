{#- Counts of rows, or of the values of a column. -#}
{% macro _count_value(plan, asked) -%}
    {%- set condition = _condition(plan, asked.where) -%}
    {%- set number = plan.numbers.get(_number_key(asked.column, condition)) if asked.column else none -%}
    {#- A sum leaves NaN out, which is a value all the same. -#}
    {%- if number and number.types and not number.types.is_floating -%}
        {{- _number_count(plan, number, asked) -}}
    {%- else -%}
        {{- _in_window(plan, _counted(plan, _column(plan, asked.column) if asked.column else none, condition), asked) -}}
    {%- endif -%}
{%- endmacro %}


{#- The name of a window's count of numbers: it is part of their sum, where that is needed too. -#}
{% macro _number_count(plan, number, asked) -%}
    {%- if number.needs_total -%}
        {%- do return(_total_and_count(plan, number, asked).count) -%}
    {%- endif -%}
    {%- do return(_in_window(plan, _counted(plan, _countable(plan, number), number.condition), asked)) -%}
{%- endmacro %}


{#- What is not NULL where a number is summed. -#}
{% macro _countable(plan, number) -%}
    {%- do return(_exact(plan, number) if number.types.is_floating else _column(plan, number.column)) -%}
{%- endmacro %}


{#- Exact sums; NULL, or the value given for it, where nothing is summed. -#}
{% macro _sum_value(plan, asked) -%}
    {%- set number = plan.numbers[_number_key(asked.column, _condition(plan, asked.where))] -%}
    {%- set found = _total_and_count(plan, number, asked) -%}
    {%- set value = _total_value(found.total, number.types, asked.column) -%}
    {%- if _is_zero(asked.fill_value) -%}
        {{ value }}
    {%- else -%}
        case when {{ found.count }} > 0 then {{ value }}
        {%- if asked.fill_value is defined and asked.fill_value is not none %} else cast({{ asked.fill_value }} as {{ number.types.result }}){% endif %} end
    {%- endif -%}
{%- endmacro %}


{#- Total by count, as a double. -#}
{% macro _average_value(plan, asked) -%}
    {%- set number = plan.numbers[_number_key(asked.column, _condition(plan, asked.where))] -%}
    {%- set found = _total_and_count(plan, number, asked) -%}
    {%- set total = _total_decimal(found.total, number.types, asked.column) -%}
    {{ _nearest_double(total, number.types.scale) }} / nullif({{ found.count }}, 0)
{%- endmacro %}


{% macro _is_zero(value) -%}
    {%- do return(value is defined and value is not none and (value | string | float) == 0) -%}
{%- endmacro %}


{% macro _number_key(column, condition) -%}
    {%- do return(column ~ '|' ~ (condition or '')) -%}
{%- endmacro %}


{#- Notes what features need of a column's numbers: their total, their count, or both, which then may be one state. -#}
{% macro _note_number(plan, feature) -%}
    {%- if feature.function in ['sum', 'avg', 'variance', 'stddev', 'count'] and feature.column -%}
        {%- set condition = _condition(plan, feature.where) -%}
        {%- set key = _number_key(feature.column, condition) -%}
        {%- set known = plan.numbers.get(key, {'column': feature.column, 'condition': condition, 'needs_total': false, 'needs_count': false}) -%}
        {%- set is_number = feature.function != 'count' -%}
        {%- do known.update({'types': _amount_types(_type_of(plan, feature.column))}) if is_number -%}
        {%- do known.update({
            'needs_total': known.needs_total or feature.function in ['sum', 'avg'],
            'needs_count': known.needs_count or not (feature.function == 'sum' and _is_zero(feature.fill_value)),
        }) -%}
        {%- do plan.numbers.update({key: known}) -%}
    {%- endif -%}
{%- endmacro %}


{#-
  The names of a window's total and count of a number, as the mapping `total`, `count`; a total is a decimal, or where it is kept in two parts a whole number
  of units of the last decimal place.
-#}
{% macro _total_and_count(plan, number, asked) -%}
    {%- set types = number.types -%}
    {%- set base = _column(plan, number.column) ~ (number.condition or '') -%}
    {%- set exact = _exact(plan, number) -%}
    {%- set value = _passing(exact, number.condition) -%}
    {%- set slug = '_' ~ _window_slug(asked) -%}
    {%- set whole = 'decimal(38, ' ~ types.scale ~ ')' -%}
    {%- set count = none -%}
    {%- if types.form == 'packed' and number.needs_count -%}
        {%- set entries = _packed_entries(plan, base, value, types) -%}
        {%- set difference = _in_window(plan, entries, asked, 'cast(0 as decimal(37, ' ~ (types.scale + types.digits) ~ '))') -%}
        {%- do return({
            'total': _named(plan.totals, base ~ '_total' ~ slug, 'cast(cast(' ~ difference ~ ' as decimal(28, ' ~ types.scale ~ ')) as ' ~ whole ~ ')'),
            'count': _named(plan.totals, base ~ '_values' ~ slug, _packed_count(difference, types)),
        }) -%}
    {%- endif -%}
    {%- if number.needs_count -%}
        {%- set count = _in_window(plan, _counted(plan, _countable(plan, number), number.condition), asked) -%}
    {%- endif -%}
    {%- if types.form == 'wide' -%}
        {%- do return({'total': _total_of_two_parts(plan, base, exact, number.condition, asked), 'count': count}) -%}
    {%- endif -%}
    {%- set digits = 28 if types.is_floating else 27 -%}
    {%- set each = 'decimal(' ~ digits ~ ', ' ~ types.scale ~ ')' -%}
    {%- set state = _sum_state(plan, base ~ '_total', 'coalesce(cast(' ~ value ~ ' as ' ~ each ~ '), cast(0 as ' ~ each ~ '))') -%}
    {%- set zero = 'cast(0 as decimal(' ~ (digits + 10) ~ ', ' ~ types.scale ~ '))' -%}
    {%- set difference = 'cast(' ~ _difference(plan, state, asked.bounds, zero) ~ ' as ' ~ whole ~ ')' -%}
    {%- do return({'total': _named(plan.in_windows, base ~ '_total' ~ slug, difference), 'count': count}) -%}
{%- endmacro %}


{#-
  The state that holds a sum and a count in one number, which halves the time of a look-up: the sum, and in as many places behind it as
  `digits` says, the number of its terms. Exact for less than half of 10^digits terms: 5 x 10^9, or 5 x 10^8 of 18 digits.
-#}
{% macro _packed_entries(plan, base, value, types) -%}
    {%- set scale = types.scale + types.digits -%}
    {%- set each = 'decimal(27, ' ~ scale ~ ')' -%}
    {%- set term -%}
        coalesce(
            cast(cast({{ value }} as {{ each }}) + {{ _power_of_ten(-scale) }} as {{ each }}),
            cast(0 as {{ each }})
        )
    {%- endset -%}
    {%- set name = _sum_state(plan, base ~ '_entries', term) -%}
    {%- do plan.comments.update({name: 'value + 10^-' ~ scale ~ ', for each value: the sum and the count of values in one number'}) -%}
    {%- do return(name) -%}
{%- endmacro %}


{% macro _packed_count(entries, types) -%}
    cast(
            pmod({{ entries }}, {{ _power_of_ten(-types.scale) }}) * {{ _power_of_ten(types.scale + types.digits) }} as bigint
        )
{%- endmacro %}


{#- CTE `totals`, and before it the CTEs of totals in two parts. -#}
{% macro _decoded_totals(plan) -%}
{%- if plan.wide -%}
{{ _whole_totals(plan) }}
{% endif -%}
{%- if plan.totals -%}
totals as (
    select
        *,
        {%- for name, sql in plan.totals.items() %}
        {{ sql }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.values_stage }}
),

{% do plan.update({'values_stage': 'totals'}) -%}
{%- endif -%}
{%- endmacro %}


{#- A total as it is returned: a decimal, or of floating-point numbers the double nearest to it. -#}
{% macro _total_value(total, types, column) -%}
    {%- set value = _total_decimal(total, types, column) -%}
    {{- _nearest_double(value, types.scale) if types.is_floating else value -}}
{%- endmacro %}


{#- A total as a decimal; an error that names the column if that cannot hold it. -#}
{% macro _total_decimal(total, types, column) -%}
    {%- if types.form == 'wide' -%}
        case
            when {{ total }} between cast('-{{ '9' * 38 }}' as decimal(38, 0)) and cast('{{ '9' * 38 }}' as decimal(38, 0))
                then {{ _decimal_of_units(total, types.scale) }}
            else {{ _raise_fault('amount_without_room', [
                'amounts of column `' ~ column ~ '`: expected sums of at most 38 digits, as ' ~ types.result ~ ' holds, found a larger one;',
                ' leave rows out with `filters`, or give the column fewer digits in the source',
            ]) | indent(12) }}
        end
    {%- else -%}
        {{ total }}
    {%- endif -%}
{%- endmacro %}
