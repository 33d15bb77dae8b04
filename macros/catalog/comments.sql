{#-
  The registry's descriptions as comments of tables and columns. dbt's own macros escape the quotes of a comment, but not its backslashes,
  so that a description could end its literal. These take their place.
-#}
{% macro databricks__comment_clause() -%}
    {%- if config.persist_relation_docs() and model.description -%}
        comment {{ sql_literal(model.description) }}
    {%- endif -%}
{%- endmacro %}


{#- A column of a view, with its comment. -#}
{% macro get_column_comment_sql(column_name, column_dict) -%}
    {%- set description = column_dict.get(column_name, {}).get('description') -%}
    {{- adapter.quote(column_name) }}{{ ' comment ' ~ sql_literal(description) if description -}}
{%- endmacro %}


{% macro alter_relation_comment_sql(relation, description) -%}
    comment on {{ relation.type.render() }} {{ relation.render() }} is {{ sql_literal(description) }}
{%- endmacro %}


{#- Its callers have put a backslash before each quote, which is taken away again. -#}
{% macro comment_on_column_sql(column_path, escaped_comment) -%}
    {%- set text = sql_literal(escaped_comment | replace("\\'", "'")) -%}
    {{- dbt.comment_on_column_sql(column_path, text[1:-1]) -}}
{%- endmacro %}
