{#-
  How the files of a feature table are laid out, as a mapping of settings for `config`: in partitions by period, or where the engine has
  liquid clustering, by period and key. Either way a period is replaced without touching the files of others.
-#}
{% macro table_layout(table) -%}
    {%- do return(adapter.dispatch('table_layout')(table=table)) -%}
{%- endmacro %}


{% macro default__table_layout(table) -%}
    {%- do return({'partition_by': 'period_start' if table.period else none}) -%}
{%- endmacro %}


{#- Delta refuses some characters in the names of columns, unless its files have names of their own. -#}
{% macro spark__table_layout(table) -%}
    {%- do return(dict(default__table_layout(table), **_names_of_its_own(table))) -%}
{%- endmacro %}


{% macro databricks__table_layout(table) -%}
    {%- set columns = ['period_start'] if table.period else [] -%}
    {%- if table.feature_sets | length == 1 -%}
        {%- do columns.append(sql_identifier(table.feature_sets[0]['keys'][0])) -%}
    {%- endif -%}
    {%- do return(dict(_names_of_its_own(table), liquid_clustered_by=columns or none)) -%}
{%- endmacro %}


{% macro _names_of_its_own(table) -%}
    {%- for name in _feature_columns(table) if modules.re.search('[ ,;{}()\n\t=]', name) -%}
        {%- do return({'tblproperties': {'delta.columnMapping.mode': 'name'}}) -%}
    {%- endfor -%}
    {%- do return({}) -%}
{%- endmacro %}
