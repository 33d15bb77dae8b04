{#- The part of a column name that stands for a category: lower case, runs of other characters than a-z and 0-9 as one `_`, trimmed. -#}
{% macro _category_slug(category) -%}
    {%- do return(modules.re.sub('[^a-z0-9]+', '_', category | lower).strip('_')) -%}
{%- endmacro %}
