{#- dbt's own: dbt-spark's wants every model to say that it is Delta, which all tables are here. -#}
{% materialization clone, adapter='fpspark' -%}
    {{ return(dbt.materialization_clone_default()) }}
{%- endmaterialization %}
