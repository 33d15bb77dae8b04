{#-
  The latest version of a key at the times that are asked for:

      version 1          version 2             t
  ------[==================[===================|------->  event time
                           the values at t, if no older than `max_age_days`

  The greatest time of a version up to t is a maximum that only grows; the version of that time is then found by equality.
-#}
{% macro latest_version(relation, keys, event_time, columns, types, asking, order_by=none, max_age_days=none, closed='right') -%}
{%- set time, asks = sql_identifier(event_time), sql_identifier(asking) -%}
{%- set key = _identifiers(keys) -%}
{%- set key_list = key | replace('\n        ', ' ') -%}
with

placed_rows as (
    select
        *,
        {{ _event_micros(time, types[event_time]) }} as _micros
    from {{ relation }}
),

to_date as (
    select
        {{ key }},
        {{ time }},
        {{ asks }} as _asks,
        _micros,
        max(case when not {{ asks }} then _micros end) over (
            partition by {{ key_list }} order by _micros, {{ asks }}{{ ' desc' if closed == 'left' }}
            rows between unbounded preceding and current row
        ) as _version
    from placed_rows
),

asked as (
    select * from to_date
    where _asks
),

{% if order_by -%}
ranked_versions as (
    select
        *,
        rank() over (
            partition by {{ key_list }}, _micros
            order by
                {%- for name in order_by %}
                {{ sql_identifier(name) }} desc nulls last{{ ',' if not loop.last }}
                {%- endfor %}
        ) as _rank
    from placed_rows
    where not {{ asks }}
),

{% endif -%}
versions_in_order as (
    select
        *,
        lead(_micros) over (partition by {{ key_list }} order by _micros) as _next_time
    from {{ 'ranked_versions' if order_by else 'placed_rows' }}
    where {{ '_rank = 1' if order_by else 'not ' ~ asks }}
),

versions as (
    select
        *,
        case when _next_time is null or _next_time > _micros then _micros else {{ _raise_fault('two_versions', _two_versions(keys, event_time)) | indent(8) }} end as _version
    from versions_in_order
),

final as (
    select
        {%- for name in keys + [event_time] %}
        asked.{{ sql_identifier(name) }},
        {%- endfor %}
        {%- for name in columns %}
        versions.{{ sql_identifier(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from asked
    left join versions
        on
            {{ _equal_keys(keys, 'asked', 'versions') | indent(12) }}
            and asked._version = versions._version
            {%- if max_age_days is not none %}
            and asked._micros - asked._version <= {{ max_age_days * 86400000000 }}
            {%- endif %}
)

select * from final
{%- endmacro %}


{#- What to say of two versions of one key and time. -#}
{% macro _two_versions(keys, event_time) -%}
    {%- set parts = ['expected one version for a key and a time, found two of '] -%}
    {%- for name in keys + [event_time] if name != '_known_at' -%}
        {%- do parts.append((', ' if not loop.first else '') ~ name ~ ' ') -%}
        {%- do parts.append({'sql': 'cast(' ~ sql_identifier(name) ~ ' as string)'}) -%}
    {%- endfor -%}
    {%- do parts.append('; correct the rows, or say in the feature group by which columns one of them comes last: `order_by`') -%}
    {%- do return(parts) -%}
{%- endmacro %}
