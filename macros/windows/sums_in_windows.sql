{#-
  CTEs from `amounts` to `sums_in_windows`: one row per `_user` and `_event_time` with, per window of some days and each of the sums, `<sum>_<N>d`: the
  sum to date less the sum to date N x 24 hours before. Several sums are looked up together.
-#}
{% macro _sums_in_windows(sums, window_days) -%}
{%- set names = sums.keys() | list -%}
{%- set fields = [] -%}
{%- for name in names -%}
    {%- do fields.append("'" ~ name ~ "', " ~ name) -%}
{%- endfor -%}
{%- set looked_up = names[0] if names | length == 1 else 'named_struct(' ~ fields | join(', ') ~ ')' -%}
terms as (
    select
        _user,
        _event_time,
        _event_micros,
        {%- for name, sum in sums.items() %}
        {%- if sum.comment %}
        -- {{ sum.comment }}
        {%- endif %}
        {{ sum.term }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from amounts
),

sums_to_date as (
    select
        _user,
        _event_time,
        _event_micros,
        {{ _next_in_order('_event_micros', '_user') }} as _next_time,
        {%- for name in names %}
        {{ _growing_sum(name, '_user', '_event_micros') }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from terms
),

sums_at as (
    select * from sums_to_date
    where {{ _is_last_at_its_time('_event_micros') }}
),

sums_before_windows as (
    select
        *,
        {%- for days in window_days %}
        {{ _latest_before(looked_up, '_user', '_event_micros', days) }} as _before_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}
    from sums_at
),

sums_in_windows as (
    select
        _user,
        _event_time,
        {%- for days in window_days %}
        {%- set is_last_window = loop.last %}
        {%- for name, sum in sums.items() %}
        {%- set before = '_before_' ~ days ~ 'd' ~ ('.' ~ name if names | length > 1 else '') %}
        {{ name }} - coalesce({{ before }}, {{ sum.zero }}) as {{ name }}_{{ days }}d{{ ',' if not (loop.last and is_last_window) }}
        {%- endfor %}
        {%- endfor %}
    from sums_before_windows
)
{%- endmacro %}
