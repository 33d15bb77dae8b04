{#- After a run: the first rows that each failed test found, which tell what is wrong and where. -#}
{% macro report_failed_tests(results) -%}
    {%- for result in results if execute and result.node.resource_type == 'test' and result.status == 'fail' -%}
        {%- set found = run_query('select * from (\n' ~ result.node.compiled_code ~ '\n) as failed_rows limit 10') -%}
        {%- for row in found.rows -%}
            {%- set values, shown = [], [] -%}
            {%- for name in found.column_names -%}
                {%- do values.append([name, row[name] | string]) -%}
                {%- do shown.append(name ~ ': ' ~ row[name]) -%}
            {%- endfor -%}
            {%- do log('failed test `' ~ result.node.name ~ '`: ' ~ shown | join(', '), info=true) -%}
            {%- do _log_event('failed_test_row', {'test': result.node.name, 'values': values}) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
