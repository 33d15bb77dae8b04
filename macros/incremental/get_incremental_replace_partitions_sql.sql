{#-
  The incremental strategy `replace_partitions`: what the model's query says that it replaces, in the line `-- replaces:` at its top, is
  replaced by its rows, in one atomic commit. That is `everything`, `nothing`, or a condition of literals on the partition column.
-#}
{% macro get_incremental_replace_partitions_sql(arg_dict) -%}
    {%- set target, source = arg_dict['target_relation'], arg_dict['temp_relation'] -%}
    {%- set replaced = _replaced_by(model.compiled_code) -%}
    {%- if replaced == 'nothing' -%}
        select 'nothing new' as _status
    {%- elif replaced == 'everything' -%}
        {#- As dbt creates the table: with its layout and its comment. -#}
        {{- create_table_as(false, target, 'select * from ' ~ source) -}}
    {%- else -%}
        {%- set columns = arg_dict['dest_columns'] or adapter.get_columns_in_relation(target) -%}
        insert into {{ target }}
        replace where {{ replaced }}
        select {{ sql_identifiers(columns | map(attribute='name')) }}
        from {{ source }}
    {%- endif -%}
{%- endmacro %}


{#- What a query says that it replaces. -#}
{% macro _replaced_by(query) -%}
    {%- set marker = '-- replaces: ' -%}
    {%- for line in query.splitlines() if line.startswith(marker) -%}
        {%- do return(line[marker | length:]) -%}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error(
        'replace_partitions: expected a line `-- replaces: <condition>` in the query of the model, as `feature_table` writes it'
    ) -%}
{%- endmacro %}
