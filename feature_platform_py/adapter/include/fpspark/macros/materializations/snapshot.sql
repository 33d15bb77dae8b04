{#- dbt's own snapshot, not dbt-spark's: every table is Delta here, and temporary views have columns. -#}
{% materialization snapshot, adapter='fpspark' %}
    {{ return(context['materialization_snapshot_default']()) }}
{% endmaterialization %}

{% macro fpspark__snapshot_merge_sql(target, source, insert_cols) -%}
    {{ return(default__snapshot_merge_sql(target, source, insert_cols)) }}
{%- endmacro %}
