{#-
  Sample variance or its root. With the mean rounded to q, a whole number of units of the last decimal place, the sum of squared distances from the mean is

      sum (u - q)^2  -  (sum (u - q))^2 / n        where  sum (u - q)^2 = Q - q (2 T - n q),  sum (u - q) = T - n q

  of the sums T of the units u and Q of their squares. All of it is exact in decimals, and what is subtracted last is at most half of what it is taken from.
-#}
{% macro _variance_value(plan, asked) -%}
    {%- set number = plan.numbers[_number_key(asked.column, _condition(plan, asked.where))] -%}
    {%- set base = _column(plan, number.column) ~ (number.condition or '') -%}
    {%- set types = number.types -%}
    {%- set units = _named(plan.measures, base ~ '_units', _units(_passing(_countable(plan, number), number.condition), types, asked.column)) -%}
    {%- set total = _sum_state(plan, units, 'coalesce(' ~ units ~ ', cast(0 as decimal(14, 0)))') -%}
    {%- set squares = _sum_state(plan, base ~ '_squares', 'coalesce(cast(' ~ units ~ ' * ' ~ units ~ ' as decimal(28, 0)), cast(0 as decimal(28, 0)))') -%}
    {%- set found = {
        'name': base ~ '_' ~ _window_slug(asked),
        'count': _number_count(plan, number, asked),
        'total': _in_window(plan, total, asked, 'cast(0 as decimal(24, 0))'),
        'squares': _in_window(plan, squares, asked, 'cast(0 as decimal(38, 0))'),
    } -%}
    {%- do plan.deviations.append(found) if found.name not in plan.deviations | map(attribute='name') -%}
    {%- set variance -%}
        (cast({{ found.name }}_deviation as double) - {{ found.name }}_rest * {{ found.name }}_rest / {{ found.count }})
                / nullif({{ found.count }} - 1, 0) / 1e{{ 2 * types.scale }}D
    {%- endset -%}
    case
            when {{ found.count }} > 1 then {{ 'sqrt(' ~ variance ~ ')' if asked.function == 'stddev' else variance }}
        end
{%- endmacro %}


{#- A number in units of its last decimal place; squares of more than 14 digits would have no room. -#}
{% macro _units(value, types, column) -%}
    {%- if types.scale > 14 -%}
        {%- do exceptions.raise_compiler_error('aggregate: `variance` and `stddev` read numbers of at most 14 decimal places, given ' ~ types.result ~ ' of `' ~ column ~ '`') -%}
    {%- endif -%}
    {%- set limit = _power_of_ten(14 - types.scale) -%}
    case
            when {{ value }} > -{{ limit }} and {{ value }} < {{ limit }}
                then cast(cast({{ value }} as decimal(14, {{ types.scale }})) * {{ _power_of_ten(types.scale) }} as decimal(14, 0))
            when {{ value }} is not null then {{ _raise_fault('amount_without_room', [
                'amounts of column `' ~ column ~ '`: expected at most 14 digits, up to the ' ~ types.scale ~ ' decimal places of its type, for a variance;',
                ' found more; leave such rows out with `where` or `filters`, or give the column fewer decimal places in the source',
            ]) | indent(12) }}
        end
{%- endmacro %}


{#- CTEs of squared distances: exact in decimals. -#}
{% macro _deviations(plan) -%}
{%- if plan.deviations -%}
rounded_means as (
    select
        *,
        {%- for each in plan.deviations %}
        cast(round(cast({{ each.total }} as double) / nullif({{ each.count }}, 0)) as decimal(15, 0)) as {{ each.name }}_mean{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ plan.values_stage }}
),

deviations as (
    select
        *,
        {%- for each in plan.deviations %}
        cast({{ each.squares }} - cast(
            {{ each.name }}_mean * cast(
                2 * {{ each.total }} - cast({{ each.count }} as decimal(10, 0)) * {{ each.name }}_mean as decimal(26, 0)
            ) as decimal(38, 0)
        ) as decimal(38, 0)) as {{ each.name }}_deviation,
        cast({{ each.total }} - cast({{ each.count }} as decimal(10, 0)) * {{ each.name }}_mean as double) as {{ each.name }}_rest{{ ',' if not loop.last }}
        {%- endfor %}
    from rounded_means
),

{% do plan.update({'values_stage': 'deviations'}) -%}
{%- endif -%}
{%- endmacro %}
