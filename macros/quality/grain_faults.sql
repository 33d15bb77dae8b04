{#-
  A query of the keys of a feature table that are not unique or NULL, or have some other `fault`, in each feature set. The keys that only
  other sets have are NULL.
-#}
{% macro _grain_faults(relation, feature_sets, fault=none) -%}
    {%- set keys, types = [], {} -%}
    {%- for feature_set in feature_sets -%}
        {%- do keys.extend(feature_set['keys']) -%}
        {%- do types.update(feature_set.features) -%}
        {%- do types.update(feature_set.reads) -%}
    {%- endfor -%}
    {%- for feature_set in feature_sets %}
select
    {%- for key in keys | unique %}
    {{ sql_identifier(key) if key in feature_set['keys'] else _typed_null(types.get(key)) ~ ' as ' ~ sql_identifier(key) }},
    {%- endfor %}
    count(*) as row_count
from {{ relation }}
{%- if feature_sets | length > 1 %}
where _feature_set = {{ loop.index0 }}
{%- endif %}
group by {{ sql_identifiers(feature_set['keys']) }}
having
    count(*) > 1
    {%- for key in feature_set['keys'] %}
    or {{ sql_identifier(key) }} is null
    {%- endfor %}
    {%- if fault %}
    or {{ fault }}
    {%- endif %}
{{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#-
  A query of the number of faults in the keys of a feature table that a change of some periods may have made. `periods` are their first
  days. The rows of a key have one time, so they lie in one period, unless another program has put some elsewhere: rows with a time of
  these periods are looked at wherever they are, and a row of these periods with another time is a fault.
-#}
{% macro _grain_faults_in(periods, relation, table) -%}
{%- set keys = table.feature_sets | map(attribute='keys') | sum(start=[]) | unique | list -%}
with

looked_at as (
    {%- for is_inside in [true, false] %}
    select
        {%- if table.feature_sets | length > 1 %}
        _feature_set,
        {%- endif %}
        {%- for key in keys %}
        {{ sql_identifier(key) }},
        {%- endfor %}
        case when period_start = {{ _period_of_key(table) }} then 1 end as _is_in_its_period
    from {{ relation }}
    where
        {{ _partition_predicate(periods) if is_inside else '(not ' ~ _partition_predicate(periods) ~ ' or period_start is null)' }}
        {%- if not is_inside %}
        and (
            {%- for feature_set in table.feature_sets %}
            {{ 'or ' if not loop.first }}{{ _has_time_in(periods, feature_set, table.period) }}
            {%- endfor %}
        )
    {%- else %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    {{ _grain_faults('looked_at', table.feature_sets, fault='count(_is_in_its_period) < count(*)') | trim | indent }}
)

select count(*) as faults from final
{%- endmacro %}


{#- The first day of the period that a row's key has its time in. -#}
{% macro _period_of_key(table) -%}
    {%- if table.feature_sets | length == 1 -%}
        {%- do return(_period_of_row(table.feature_sets[0], table.period) | trim) -%}
    {%- endif -%}
    case _feature_set
    {%- for feature_set in table.feature_sets %} when {{ loop.index0 }} then {{ _period_of_row(feature_set, table.period) | trim }}{% endfor %} end
{%- endmacro %}


{#- Whether a row's time lies in one of the periods; files whose times do not are passed over. -#}
{% macro _has_time_in(periods, feature_set, period) -%}
    {%- if not feature_set.month_key -%}
        {%- do return('(' ~ _is_in_periods(feature_set.timestamp_col, periods, {'period': period, 'reach_days': 0, 'reach_periods': {}}) ~ ')') -%}
    {%- endif -%}
    {%- set conditions = [] -%}
    {%- for start in periods -%}
        {%- set months = (start | string)[:7] if period == 'month' else (start | string)[:5] -%}
        {%- do conditions.append(sql_identifier(feature_set.month_key) ~ ' like ' ~ sql_literal(months ~ '%')) -%}
    {%- endfor -%}
    {%- do return(conditions | join(' or ')) -%}
{%- endmacro %}
