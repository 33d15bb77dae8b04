{#-
  Every source row once, its columns as they were, and its features behind them. Engines keep the left side of a join in memory: a table
  with one row per key of the rows stands there, because it is the smaller side. A shared table may have more rows than are asked for.
-#}
{% macro _rows_with_features(source_rows, columns, joins, features) -%}
{%- set types, rows = {}, namespace(now='source_rows') -%}
{%- for column in columns -%}
    {%- do types.update({column.name: column.type}) -%}
{%- endfor -%}
with

source_rows as (
    select * from {{ source_rows }}
),
{% for table in joins %}
{{ table.name }} as (
    {{ table.query }}
),
{% endfor %}
{%- for table in joins if not table.is_shared %}
with_{{ table.name }} as (
    select
        {{ rows.now }}.*
        {%- for feature in features if feature.table == table.name %},
        {{ _feature_of(table, feature) }}
        {%- endfor %}
    from {{ table.name }}
    right join {{ rows.now }}
        {{- _join_condition(table, rows.now, types) }}
),
{%- set rows.now = 'with_' ~ table.name %}
{% endfor %}
final as (
    select
        {%- for column in columns %}
        {{ rows.now }}.{{ sql_identifier(column.name) }}{{ ',' if features or not loop.last }}
        {%- endfor %}
        {%- for feature in features %}
        {%- set shared = joins | selectattr('name', 'equalto', feature.table) | selectattr('is_shared') | first %}
        {{ _feature_of(shared, feature) if shared else rows.now ~ '.' ~ sql_identifier(feature.name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ rows.now }}
    {%- for table in joins if table.is_shared %}
    left join {{ table.name }}
        {{- _join_condition(table, rows.now, types) }}
    {%- endfor %}
)

select * from final
{%- endmacro %}


{% macro _feature_of(table, feature) -%}
    {{ table.name }}.{{ sql_identifier(feature.column or feature.name) }}{{ ' as ' ~ sql_identifier(feature.name) if feature.column }}
{%- endmacro %}


{% macro _join_condition(table, rows, types) %}
        on
            {%- for key in table['keys'] %}
            {{ 'and ' if not loop.first }}{{ table.name }}.{{ sql_identifier(key) }} = {# -#}
            {%- if table.row_columns -%}
                cast({{ rows }}.{{ sql_identifier(table.row_columns[key].column) }} as {{ table.row_columns[key].type }})
            {%- elif key == table.month_key -%}
                {{ _year_month(rows ~ '.' ~ sql_identifier(table.timestamp_col)) }}
            {%- else -%}
                {{ _key_value(rows ~ '.' ~ sql_identifier(key), types[key]) }}
            {%- endif %}
            {%- endfor %}
{%- endmacro %}


{#- The same for rows that are no job's input: the features are computed from the relation on the spot. -#}
{% macro features_of_rows(request) -%}
    {%- set relation = sql_identifier(request.relation) -%}
    {%- set joins = [] -%}
    {%- for table in request.tables -%}
        {%- set query = _features_of_keyed_rows(relation, request.columns, table) | trim | indent(4) -%}
        {%- do joins.append(dict(table, query=query)) -%}
    {%- endfor -%}
    {{ _rows_with_features(relation, request.columns, joins, request.features) }}
{%- endmacro %}


{#- The query of a table's macro, over rows whose keys are as feature tables hold them. -#}
{% macro _features_of_keyed_rows(relation, columns, table) -%}
    {%- set keyed = _keyed_columns(columns, table['keys']) -%}
    {%- if keyed == '*' -%}
        {{ _named_macro(table.macro)(relation, **table.params) }}
    {%- else -%}
with

keyed_rows as (
    select {{ keyed }} from {{ relation }}
),

features_of_rows as (
    {{ _named_macro(table.macro)('keyed_rows', **table.params) | trim | indent(4) }}
)

select * from features_of_rows
    {%- endif -%}
{%- endmacro %}


{#- The macro of a name, which may begin with its package's name and a dot. -#}
{% macro _named_macro(name) -%}
    {%- set found = namespace(here=context) -%}
    {%- for part in name.split('.') -%}
        {%- if part not in found.here -%}
            {%- do exceptions.raise_compiler_error('macro `' ~ name ~ '` is not there; is its file below `macros/`, or its package installed?') -%}
        {%- endif -%}
        {%- set found.here = found.here[part] -%}
    {%- endfor -%}
    {%- do return(found.here) -%}
{%- endmacro %}
