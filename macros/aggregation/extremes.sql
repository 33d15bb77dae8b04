{#-
  The least or greatest value of a window. Time is cut into blocks as long as the window, so that one lies in at most two of them:

          block b - 1           block b
      ----------(==========|============]------->  event time
           from its first row | up to its last row
             to the block's end  from the block's start

  Both extremes only grow, and no value has to be taken out again. In calendar periods and ever, there is one block.

  Partitions of key and block would take much longer: engines evaluate each by itself. So numbers are kept as value + block x 10^k, where 10^k is more than
  twice any value: as blocks only grow, the greatest such number is the greatest value of the latest block. Value - block x 10^k is the same for the least,
  and the other way round in the order of falling blocks. A number of another block does not fit the value's type once the wanted block is taken away.
  Other types have no room for a block, and do have the partitions.
-#}
{% macro _extreme_value(plan, asked) -%}
    {%- set condition = _condition(plan, asked.where) -%}
    {%- set given = _column(plan, asked.column) -%}
    {%- set value = _named(plan.terms, given ~ (condition or '') ~ '_value', _passing(_comparable(given, _type_of(plan, asked.column)), condition)) -%}
    {%- set bounds = asked.bounds -%}
    {%- set width = bounds.width -%}
    {%- set block = none -%}
    {%- if width -%}
        {%- set block = _named(plan.terms, '_block_' ~ _window_slug(asked), _block_of('_micros', width)) -%}
    {%- elif bounds.period -%}
        {%- set block = '_' ~ bounds.period -%}
    {%- endif -%}
    {%- set extreme = {
        'function': asked.function, 'value': value, 'type': _type_of(plan, asked.column), 'block': block, 'width': width,
        'packing': _packing(_type_of(plan, asked.column), width) if block else none,
    } -%}
    {%- if extreme.packing -%}
        {%- do plan.comments.update({value: 'value; value +- block x ' ~ extreme.packing.power ~ ' has an extreme to date that is one of the latest block'}) -%}
    {%- endif -%}
    {%- set name = given ~ (condition or '') ~ '_' ~ asked.function -%}
    {%- set up_to = _extreme_state(plan, name ~ (block or '_ever'), extreme) -%}
    {%- set until = _state_at(plan, up_to, bounds.until) -%}
    {%- if not block -%}
        {%- set found = until -%}
    {%- elif not width -%}
        {%- set wanted = block ~ (' - 1' if bounds.until.axis == block else '') -%}
        {%- set found = _in_block(plan, until, extreme, bounds.until, wanted) -%}
    {%- else -%}
        {%- set from_there = _extreme_state(plan, name ~ block ~ '_on', extreme, is_from=true) -%}
        {%- set own_block = block if bounds.until.distance == 0 else _block_of(_place(bounds.until), width) -%}
        {%- set found -%}
            {{ 'greatest' if asked.function == 'max' else 'least' }}(
            {{ _in_block(plan, until, extreme, bounds.until, own_block) }},
            {{ _in_block(plan, _state_at(plan, from_there, bounds.since, is_after=true), extreme, bounds.since, own_block ~ ' - 1', is_from=true) }}
        )
        {%- endset -%}
    {%- endif -%}
    {%- do return(_named(plan.in_windows, name ~ '_' ~ _window_slug(asked), found)) -%}
{%- endmacro %}


{% macro _block_of(micros, width) -%}
    {%- do return('(' ~ micros ~ ' - pmod(' ~ micros ~ ', ' ~ width ~ ')) div ' ~ width) -%}
{%- endmacro %}


{#-
  How numbers of a type and their blocks are kept in one: the type of the value, that of a block, and 10^k; none where that has no room. Five digits are
  for k and for what engines add to the type of a product, a sum and a difference.
-#}
{% macro _packing(data_type, width) -%}
    {%- set digits = _number_digits(data_type) -%}
    {%- set block_digits = (10 ** 19 // width) | string | length if width else 10 -%}
    {%- if not digits or digits.precision + block_digits + 5 > 38 -%}
        {%- do return(none) -%}
    {%- endif -%}
    {%- do return({
        'value': 'decimal(' ~ digits.precision ~ ', ' ~ digits.scale ~ ')',
        'block': 'decimal(' ~ block_digits ~ ', 0)',
        'unit': _power_of_ten(digits.precision - digits.scale + 1) | trim,
        'power': '10^' ~ (digits.precision - digits.scale + 1),
        'is_decimal': (data_type | lower).startswith('decimal'),
    }) -%}
{%- endmacro %}


{#- Blocks are added where the extreme is of growing ones and the greatest, or of falling ones and the least; else they are taken away. -#}
{% macro _shift(extreme, is_from) -%}
    {%- do return('+' if (extreme.function == 'max') != is_from else '-') -%}
{%- endmacro %}


{% macro _packed_block(packing, block) -%}
    {%- do return('cast(' ~ block ~ ' as ' ~ packing.block ~ ') * ' ~ packing.unit) -%}
{%- endmacro %}


{#- The value of a state, if it is one of the block that is wanted. -#}
{% macro _in_block(plan, state, extreme, place, wanted, is_from=false) -%}
    {%- set packing = extreme.packing -%}
    {%- if packing -%}
        {%- set unshift = '-' if _shift(extreme, is_from) == '+' else '+' -%}
        {%- set line = '\n' ~ ' ' * (12 if extreme.width else 8) -%}
        {%- set shifted = state ~ line ~ '    ' ~ unshift ~ ' ' ~ _packed_block(packing, wanted) -%}
        {%- set value = 'try_cast(' ~ line ~ '    ' ~ shifted ~ ' as ' ~ packing.value ~ line ~ ')' -%}
        {%- do return(value if packing.is_decimal else 'cast(' ~ value ~ ' as ' ~ extreme.type ~ ')') -%}
    {%- elif place.distance == 0 and not is_from -%}
        {%- do return(state) -%}
    {%- endif -%}
    {%- do return('case when ' ~ _state_at(plan, extreme.block, place, is_after=is_from) ~ ' = ' ~ wanted ~ ' then ' ~ state ~ ' end') -%}
{%- endmacro %}


{#- The extreme of the rows of a block up to each row, or from it on. Rows at one instant all have that of all of them, or the last of them has it. -#}
{% macro _extreme_state(plan, name, extreme, is_from=false) -%}
    {%- set block, packing = extreme.block, extreme.packing -%}
    {%- if packing -%}
        {%- set value = extreme.value if packing.is_decimal else 'cast(' ~ extreme.value ~ ' as ' ~ packing.value ~ ')' -%}
        {%- set value = value ~ ' ' ~ _shift(extreme, is_from) ~ ' ' ~ _packed_block(packing, block) -%}
    {%- else -%}
        {%- set value = extreme.value -%}
    {%- endif -%}
    {%- set aggregate = extreme.function ~ '(' ~ value ~ ')' -%}
    {%- set to_date -%}
        {{ aggregate }} over (
            partition by {{ (plan['keys'] + ([block] if block and not packing else [])) | join(', ') }} order by _micros{{ ' desc' if is_from }}
            range between unbounded preceding and current row
        )
    {%- endset -%}
    {%- set is_in_order = (packing or not block) and not is_from -%}
    {%- do plan.states.update({name: {'to_date': to_date, 'of_all': aggregate, 'is_in_order': is_in_order}}) -%}
    {%- do plan.states.update({block: {'to_date': block, 'of_all': none}}) if block and block not in _places(plan) -%}
    {%- do return(name) -%}
{%- endmacro %}
