"""What makes an empty Postgres database look like one of Redshift: functions and system views."""

from __future__ import annotations

from collections.abc import Iterator

SUPER_USER = b"select usesuper from pg_user where usename = current_user"
FUNCTIONS = (  # name and arguments, result, language and how it behaves, body
    ("getdate()", "timestamp", "sql stable", "select date_trunc('second', statement_timestamp()::timestamp)"),
    ("redshift_type(oid, integer)", "text", "sql stable", """
        select case when $1 = 'text'::regtype or ($1 = 'varchar'::regtype and $2 = -1) then 'character varying(256)'
            when $1 = 'numeric'::regtype and $2 = -1 then 'numeric(38,10)' else format_type($1, $2) end"""),
    ("len(text)", "integer", "sql immutable strict", "select length($1)"),
    ("nvl2(anyelement, anycompatible, anycompatible)", "anycompatible", "sql immutable",
     "select case when $1 is not null then $2 else $3 end"),
    ("strtol(digits text, base integer)", "bigint", "plpgsql immutable strict", """
        declare known text := left('0123456789abcdefghijklmnopqrstuvwxyz', base); total numeric := 0; digit text;
        begin
          if base = 16 and digits ~ '^[0-9a-fA-F]{1,15}$' then  -- what nearly all calls are
            return ('x' || lpad(digits, 16, '0'))::bit(64)::bigint;
          end if;
          foreach digit in array string_to_array(lower(ltrim(digits, '-')), null) loop
            if strpos(known, digit) = 0 then
              raise exception 'The input % is not valid to be converted to base %', digits, base;
            end if;
            total := total * base + strpos(known, digit) - 1;
          end loop;
          return case when digits like '-%' then -total else total end;
        end"""),
    ("json_extract_path_text(text, variadic text[])", "varchar", "sql immutable",
     "select pg_catalog.json_extract_path_text($1::json, variadic $2::text[])"),
    ("json_extract_array_element_text(text, integer)", "varchar", "sql immutable",
     "select case when $2 >= 0 then $1::json ->> $2 end"),
    ("is_valid_json(text)", "boolean", "plpgsql immutable strict",
     "begin return $1::json is not null; exception when others then return false; end"),
    ("is_valid_json_array(text)", "boolean", "plpgsql immutable strict",
     "begin return json_typeof($1::json) = 'array'; exception when others then return false; end"),
    ("json_extract_array_element_text(text, integer, boolean)", "varchar", "plpgsql immutable", """
        begin return case when $2 >= 0 then $1::json ->> $2 end;
        exception when invalid_text_representation then if $3 then return null; end if; raise; end"""),
    *((f"json_extract_path_text(text, {'text, ' * depth}boolean)", "varchar", "plpgsql immutable", f"""
        begin return pg_catalog.json_extract_path_text($1::json, {', '.join(f'${n + 2}' for n in range(depth))});
        exception when invalid_text_representation then if ${depth + 2} then return null; end if; raise; end""")
      for depth in range(1, 6)),
    ("json_parse(text)", "jsonb", "sql immutable strict", "select $1::jsonb"),
    ("json_serialize(jsonb)", "varchar", "sql immutable strict", "select $1::text"),
    ("dateadd(unit text, many bigint, at timestamp)", "timestamp", "sql immutable strict", """
        select at + many * case when unit like 'q%' then interval '3 months' else ('1 ' || unit)::interval end"""),
    ("datediff(unit text, since timestamp, until timestamp)", "bigint", "plpgsql immutable strict", """
        begin
          return case
            when unit in ('year', 'years', 'yr', 'y') then date_part('year', until) - date_part('year', since)
            when unit in ('quarter', 'quarters', 'qtr') then 4 * (date_part('year', until) - date_part('year', since))
              + date_part('quarter', until) - date_part('quarter', since)
            when unit in ('month', 'months', 'mon') then 12 * (date_part('year', until) - date_part('year', since))
              + date_part('month', until) - date_part('month', since)
            when unit in ('day', 'days', 'd') then until::date - since::date
            when unit in ('hour', 'hours', 'hr', 'h', 'minute', 'minutes', 'min', 'm', 'second', 'seconds', 'sec', 's')
              then extract(epoch from date_trunc(unit, until) - date_trunc(unit, since))
                / extract(epoch from ('1 ' || unit)::interval)
            else ('no such unit here: ' || unit)::bigint  -- an error: weeks begin where we do not know
            end;
        end"""),
)  # fmt: skip
VIEWS = (
    ("stv_sessions", """
        select backend_start at time zone 'UTC' as starttime, pid as process, usename::text::char(50) as user_name,
               datname::text::char(50) as db_name, 0 as timeout_sec
        from pg_stat_activity where backend_type = 'client backend'"""),
    ("stv_db_isolation_level", """
        select datname::text::char(128) as db_name, '{isolation}'::char(20) as isolation_level
        from pg_database where datname = current_database()"""),
    ("svv_columns", """
        select table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable,
               data_type, character_maximum_length, numeric_precision, numeric_scale, datetime_precision
        from information_schema.columns"""),
)  # fmt: skip


def prepared(isolation: str, superuser: bool) -> Iterator[str]:
    """What makes an empty Postgres database look like one of Redshift: functions and system views."""
    home = "pg_catalog" if superuser else "public"  # found whatever the search path, where we may
    if superuser:
        yield "set allow_system_table_mods = on"
    for head, result, how, body in FUNCTIONS:
        yield f"create function {home}.{head} returns {result} language {how} as $body$ {body} $body$"
    level = "Serializable" if isolation == "serializable" else "Snapshot Isolation"
    for name, query in VIEWS:
        yield f"create view {home}.{name} as {query.replace('{isolation}', level)}"
        yield f"grant select on {home}.{name} to public"
