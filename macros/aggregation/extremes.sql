{#-
  The least or greatest value of a window. Time is cut into blocks as long as the window, so that one lies in at most two of them:

          block b - 1           block b
      ----------(==========|============]------->  event time
           from its first row | up to its last row
             to the block's end  from the block's start

  Both extremes only grow, and no value has to be taken out again. In calendar periods and ever, there is one block.
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
    {%- set name = given ~ (condition or '') ~ '_' ~ asked.function -%}
    {%- set up_to = _extreme_state(plan, name ~ (block or '_ever'), asked.function, value, block, '_micros') -%}
    {%- set until = _state_at(plan, up_to, bounds.until) -%}
    {%- if not block -%}
        {%- set found = until -%}
    {%- elif not width -%}
        {%- set wanted = block ~ (' - 1' if bounds.until.axis == block else '') -%}
        {%- set found = until if until == up_to else _in_block(plan, until, block, bounds.until, wanted) -%}
    {%- else -%}
        {%- set from_there = _extreme_state(plan, name ~ block ~ '_on', asked.function, value, block, '_micros desc') -%}
        {%- set own_block = block if bounds.until.distance == 0 else _block_of(_place(bounds.until), width) -%}
        {%- set found -%}
            {{ 'greatest' if asked.function == 'max' else 'least' }}(
            {{ until if until == up_to else _in_block(plan, until, block, bounds.until, own_block) }},
            {{ _in_block(plan, _state_at(plan, from_there, bounds.since, is_after=true), block, bounds.since, own_block ~ ' - 1', is_after=true) }}
        )
        {%- endset -%}
    {%- endif -%}
    {%- do return(_named(plan.in_windows, name ~ '_' ~ _window_slug(asked), found)) -%}
{%- endmacro %}


{% macro _block_of(micros, width) -%}
    {%- do return('(' ~ micros ~ ' - pmod(' ~ micros ~ ', ' ~ width ~ ')) div ' ~ width) -%}
{%- endmacro %}


{#- A state that was looked up, if it is one of the block that is wanted. -#}
{% macro _in_block(plan, state, block, place, wanted, is_after=false) -%}
    {%- do return('case when ' ~ _state_at(plan, block, place, is_after=is_after) ~ ' = ' ~ wanted ~ ' then ' ~ state ~ ' end') -%}
{%- endmacro %}


{#- The extreme of the rows of a block up to each row, or with `_micros desc` from it on. Rows at one instant all have that of all of them. -#}
{% macro _extreme_state(plan, name, function, value, block, order_by) -%}
    {%- do plan.states.update({name: {
        'to_date': function ~ '(' ~ value ~ ') over (
            partition by ' ~ (plan['keys'] + ([block] if block else [])) | join(', ') ~ ' order by ' ~ order_by ~ '
            range between unbounded preceding and current row
        )',
        'of_all': function ~ '(' ~ value ~ ')',
    }}) -%}
    {%- do plan.states.update({block: {'to_date': block, 'of_all': none}}) if block and block not in _places(plan) -%}
    {%- do return(name) -%}
{%- endmacro %}
