{#-
  A value as keys and filters compare it: -0.0 is 0.0, and all NaN are one value, greater than every number. Engines differ there, and they
  skip files by statistics that leave NaN out; no engine compares this expression with statistics.
-#}
{% macro _comparable(value, data_type) -%}
    {%- if _is_floating(data_type) -%}
        case when isnan({{ value }}) then cast('NaN' as {{ data_type }}) else {{ value }} + cast(0 as {{ data_type }}) end
    {%- else -%}
        {{ value }}
    {%- endif -%}
{%- endmacro %}


{#- A key as feature tables hold it: a `comparable` value, and a time without a zone as the time that it is in the session's zone. -#}
{% macro _key_value(value, data_type) -%}
    {{- 'cast(' ~ value ~ ' as timestamp)' if data_type == 'timestamp_ntz' else _comparable(value, data_type) -}}
{%- endmacro %}


{#- Whether a type is `float` or `double`. -#}
{% macro _is_floating(data_type) -%}
    {%- do return(data_type | lower in ['float', 'double', 'real']) -%}
{%- endmacro %}


{#- The columns of rows as SQL, those of the keys as `key_value`s; `columns` are all of them, each a `name` and a `type`. -#}
{% macro _keyed_columns(columns, keys) -%}
    {%- set listed, changed = [], [] -%}
    {%- for column in columns -%}
        {%- set name = sql_identifier(column.name) -%}
        {%- set key = _key_value(name, column.type) if column.name in keys else name -%}
        {%- do listed.append(name if key == name else key ~ ' as ' ~ name) -%}
        {%- do changed.append(name) if key != name -%}
    {%- endfor -%}
    {{- listed | join(', ') if changed else '*' -}}
{%- endmacro %}
