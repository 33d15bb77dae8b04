{#- The part of a column name that stands for a category: lower case, runs of other characters than a-z and 0-9 as one `_`, trimmed. -#}
{% macro category_slug(category) -%}
    {%- do return(modules.re.sub('[^a-z0-9]+', '_', category | lower).strip('_')) -%}
{%- endmacro %}


{#- The amount if the row's category is exactly `category`, as SQL. -#}
{% macro amount_in_category(amount_col, category_col, category, types) -%}
    case when cast({{ sql_identifier(category_col) }} as string) = {{ sql_literal(category) }} then {{ exact_amount(amount_col, types) }} end
{%- endmacro %}
