{#- Every source row once, its columns as they were, and its features behind them. -#}
{% macro _rows_with_features(source_rows, columns, joins, features) -%}
{%- set types = {} -%}
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
final as (
    select
        {%- for column in columns %}
        source_rows.{{ sql_identifier(column.name) }}{{ ',' if features or not loop.last }}
        {%- endfor %}
        {%- for feature in features %}
        {{ feature.table }}.{{ sql_identifier(feature.column or feature.name) }}
        {{- ' as ' ~ sql_identifier(feature.name) if feature.column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from source_rows
    {%- for table in joins %}
    left join {{ table.name }}
        on
            {%- for key in table['keys'] %}
            {{ 'and ' if not loop.first }}
            {%- if table.row_columns -%}
                cast(source_rows.{{ sql_identifier(table.row_columns[key].column) }} as {{ table.row_columns[key].type }})
            {%- elif key == table.month_key -%}
                {{ _year_month('source_rows.' ~ sql_identifier(table.timestamp_col)) }}
            {%- else -%}
                {{ _key_value('source_rows.' ~ sql_identifier(key), types[key]) }}
            {%- endif %} = {{ table.name }}.{{ sql_identifier(key) }}
            {%- endfor %}
    {%- endfor %}
)

select * from final
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
