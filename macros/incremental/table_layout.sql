{#-
  How the files of a feature table are laid out, as a mapping of settings for `config`: in partitions by period, or where the engine has
  liquid clustering, by period and key. Either way a period is replaced without touching the files of others.
-#}
{% macro table_layout(table) -%}
    {%- do return(adapter.dispatch('table_layout', 'feature_platform')(table=table)) -%}
{%- endmacro %}


{% macro default__table_layout(table) -%}
    {%- do return({'partition_by': 'period_start' if table.period else none}) -%}
{%- endmacro %}


{% macro databricks__table_layout(table) -%}
    {%- set columns = ['period_start'] if table.period else [] -%}
    {%- if table.feature_sets | length == 1 -%}
        {%- do columns.append(sql_identifier(table.feature_sets[0]['keys'][0])) -%}
    {%- endif -%}
    {%- set layout = {'liquid_clustered_by': columns or none} -%}
    {%- for name in _feature_columns(table) if modules.re.search('[ ,;{}()\n\t=]', name) -%}
        {#- Delta refuses such names, unless its files have their own. -#}
        {%- do layout.update({'tblproperties': {'delta.columnMapping.mode': 'name'}}) -%}
    {%- endfor -%}
    {%- do return(layout) -%}
{%- endmacro %}
