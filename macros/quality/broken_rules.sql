{#- A query of the rows of `job_rows` that break a rule of the registry: rule, sample_key, row_count. -#}
{% macro _broken_rules(primary_key, required, references) -%}
    {%- set queries = [] -%}
    {%- if required -%}
        {%- do queries.append(_missing_values(required, primary_key)) -%}
    {%- endif -%}
    {%- if primary_key -%}
        {%- do queries.append(_repeated_keys(primary_key)) -%}
    {%- endif -%}
    {%- for reference in references -%}
        {%- do queries.append(_unknown_references(reference)) -%}
    {%- endfor -%}
    {%- if queries -%}
        {{- queries | join('\n\nunion all\n\n') -}}
    {%- else -%}
        select '' as rule, '' as sample_key, 1 as row_count from job_rows where 1 = 0
    {%- endif -%}
{%- endmacro %}


{#- One row for each required field of a row that is NULL; all fields in one pass. -#}
{% macro _missing_values(required, primary_key) -%}
select
    concat('required `', missing.field, '` is NULL') as rule,
    missing.sample_key,
    1 as row_count
from (
    select
        explode(array_compact(array(
            {%- for name in required %}
            case when job_rows.{{ sql_identifier(name) }} is null then {{ sql_literal(name) }} end{{ ',' if not loop.last }}
            {%- endfor %}
        ))) as field,
        {{ _shown_key(primary_key or required) }} as sample_key
    from job_rows
    where
        {%- for name in required %}
        {{ 'or ' if not loop.first }}job_rows.{{ sql_identifier(name) }} is null
        {%- endfor %}
) as missing
{%- endmacro %}


{% macro _repeated_keys(primary_key) -%}
select
    {{ sql_literal('primary key `' ~ primary_key | join('`, `') ~ '` is not unique') }} as rule,
    {{ _shown_key(primary_key) }} as sample_key,
    count(*) as row_count
from job_rows
where
    {{ _has_key(primary_key) }}
group by
    {{ _grouped_key(primary_key) }}
having count(*) > 1
{%- endmacro %}


{% macro _unknown_references(reference) -%}
    {%- set names, relations = [], [] -%}
    {%- for holder in reference.sources -%}
        {%- do names.append('`' ~ holder | join('.') ~ '`') -%}
        {%- do relations.append('select ' ~ sql_identifiers(reference.columns) ~ ' from ' ~ (source(*holder) if execute else holder | join('.'))) -%}
    {%- endfor -%}
    {%- set place = 'no such `' ~ reference.columns | join('`, `') ~ '` in source ' ~ names | join(' or ') -%}
select
    {{ sql_literal(reference.entity ~ ' is unknown: ' ~ place) }} as rule,
    {{ _shown_key(reference.columns) }} as sample_key,
    count(*) as row_count
from job_rows
left anti join (
    {{ relations | join('\n    union all\n    ') }}
) as known
    on
        {%- for name in reference.columns %}
        {{ 'and ' if not loop.first }}job_rows.{{ sql_identifier(name) }} = known.{{ sql_identifier(name) }}
        {%- endfor %}
where
    {{ _has_key(reference.columns) }}
group by
    {{ _grouped_key(reference.columns) }}
{%- endmacro %}


{#- A key as text to find its rows by, such as `transaction_id 17`. -#}
{% macro _shown_key(names) -%}
    {%- set parts = [] -%}
    {%- for name in names -%}
        {%- do parts.append(
            'concat(' ~ sql_literal(name ~ ' ') ~ ', coalesce(cast(job_rows.' ~ sql_identifier(name) ~ " as string), 'NULL'))"
        ) -%}
    {%- endfor -%}
    {{- parts[0] if parts | length == 1 else "concat_ws(', ', " ~ parts | join(', ') ~ ')' -}}
{%- endmacro %}


{% macro _has_key(names) -%}
    {%- for name in names -%}
        {{- 'and ' if not loop.first -}}job_rows.{{ sql_identifier(name) }} is not null{{ '\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{% macro _grouped_key(names) -%}
    {%- for name in names -%}
        job_rows.{{ sql_identifier(name) }}{{ ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
