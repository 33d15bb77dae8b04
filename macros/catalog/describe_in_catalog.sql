{#-
  After a feature table is built: what the engine's catalog is to know of it beside its columns, where it has such a catalog. Unity Catalog
  takes the primary key, which makes it a feature table of Databricks Feature Engineering, and the registry's owner, entity and tags.
-#}
{% macro describe_in_catalog(relation) -%}
    {%- if execute -%}
        {%- do adapter.dispatch('describe_in_catalog')(
            relation=relation, table=model.config.meta.feature_table, node=model
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro default__describe_in_catalog(relation, table, node) -%}
{%- endmacro %}


{#- A key that a run did not get to declare is declared by the next one: a replaced table has none. -#}
{% macro databricks__describe_in_catalog(relation, table, node) -%}
    {%- if not relation.is_hive_metastore() -%}
        {%- if table.feature_sets | length == 1 and not run_query(_primary_key_query(relation)).rows -%}
            {%- do _run_each(_primary_key_statements(relation, table.feature_sets[0])) -%}
        {%- endif -%}
        {%- if _replaced_by(node.compiled_code) == 'everything' -%}
            {%- set stored = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
            {%- do _run_each(_tag_statements(relation, node, stored)) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{% macro _run_each(statements) -%}
    {%- for statement in statements -%}
        {%- do run_query(statement) -%}
    {%- endfor -%}
{%- endmacro %}


{% macro _primary_key_query(relation) -%}
    select constraint_name
    from {{ sql_identifier(relation.database) }}.information_schema.table_constraints
    where table_catalog = {{ sql_literal(relation.database | lower) }}
        and table_schema = {{ sql_literal(relation.schema | lower) }}
        and table_name = {{ sql_literal(relation.identifier | lower) }}
        and constraint_type = 'PRIMARY KEY'
{%- endmacro %}


{#- The statements that declare the key of a feature set: `timeseries` marks the event time, by which look-ups are point in time. -#}
{% macro _primary_key_statements(relation, feature_set) -%}
    {%- set statements, columns = [], [] -%}
    {%- for key in feature_set['keys'] -%}
        {%- do statements.append('alter table ' ~ relation ~ ' alter column ' ~ sql_identifier(key) ~ ' set not null') -%}
        {%- do columns.append(sql_identifier(key) ~ (' timeseries' if key == feature_set.timestamp_col else '')) -%}
    {%- endfor -%}
    {%- set name = sql_identifier(relation.identifier ~ '_key') -%}
    {%- do statements.append(
        'alter table ' ~ relation ~ ' add constraint ' ~ name ~ ' primary key (' ~ columns | join(', ') ~ ')'
    ) -%}
    {%- do return(statements) -%}
{%- endmacro %}


{#- The statements that tag a table and those of its columns that the registry knows as features. -#}
{% macro _tag_statements(relation, node, stored) -%}
    {%- set statements = [] -%}
    {%- set tags = {'entity': node.config.meta.entity, 'feature_group': node.config.meta.feature_group} -%}
    {%- if tags.entity -%}
        {%- do statements.append('alter table ' ~ relation ~ ' set tags (' ~ _tag_list(tags) ~ ')') -%}
    {%- endif -%}
    {%- for column in node.columns.values() if column.name in stored and column.config.meta.feature -%}
        {%- set of_column = {'owner': column.config.meta.owner, 'feature_tags': column.config.tags | sort | join(' ')} -%}
        {%- do statements.append(
            'alter table ' ~ relation ~ ' alter column ' ~ sql_identifier(column.name) ~ ' set tags (' ~ _tag_list(of_column) ~ ')'
        ) -%}
    {%- endfor -%}
    {%- do return(statements) -%}
{%- endmacro %}


{% macro _tag_list(tags) -%}
    {%- for name, value in tags.items() if value -%}
        {{- sql_literal(name) }} = {{ sql_literal(value) }}{{ ', ' if not loop.last -}}
    {%- endfor -%}
{%- endmacro %}
