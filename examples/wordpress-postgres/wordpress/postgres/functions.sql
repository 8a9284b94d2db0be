-- MySQL's functions, and its way with text that is used as a number, for PostgreSQL. Put in once per database.
-- Points in time are text, 'YYYY-MM-DD hh:mm:ss': 0000-00-00 is a value of MySQL's, and none of PostgreSQL's.
CREATE SCHEMA IF NOT EXISTS mysql;

-- Case and accents make no difference, as with utf8mb4_unicode_ci.
CREATE COLLATION IF NOT EXISTS public.mysql_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false);

-- Text as a number: what it begins with, else 0.
CREATE OR REPLACE FUNCTION mysql.to_number(text) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT coalesce(substring($1 COLLATE "C" FROM '^\s*([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)'), '0')::double precision $$;
CREATE OR REPLACE FUNCTION mysql.to_number(double precision) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT $1 $$;
CREATE OR REPLACE FUNCTION mysql.to_integer(text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT coalesce(substring($1 COLLATE "C" FROM '^\s*([-+]?\d+)'), '0')::numeric::bigint $$;
CREATE OR REPLACE FUNCTION mysql.to_integer(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT $1 $$;
CREATE OR REPLACE FUNCTION mysql.to_integer(double precision) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT $1::bigint $$;

-- meta_value > 5, meta_value + 0: operators between text and numbers.
DO $body$
DECLARE
    op text;
    result text;
BEGIN
    FOREACH op IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '+', '-', '*', '/'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_operator WHERE oprnamespace = 'mysql'::regnamespace AND oprname = op);
        result := CASE WHEN op IN ('+', '-', '*', '/') THEN 'double precision' ELSE 'boolean' END;
        EXECUTE format('CREATE FUNCTION mysql.%I(text, double precision) RETURNS %s LANGUAGE sql IMMUTABLE STRICT AS
            $$ SELECT mysql.to_number($1) OPERATOR(pg_catalog.%s) $2 $$', 'text ' || op, result, op);
        EXECUTE format('CREATE FUNCTION mysql.%I(double precision, text) RETURNS %s LANGUAGE sql IMMUTABLE STRICT AS
            $$ SELECT $1 OPERATOR(pg_catalog.%s) mysql.to_number($2) $$', 'text ' || op, result, op);
        EXECUTE format('CREATE OPERATOR mysql.%s (LEFTARG = text, RIGHTARG = double precision, FUNCTION = mysql.%I)',
            op, 'text ' || op);
        EXECUTE format('CREATE OPERATOR mysql.%s (LEFTARG = double precision, RIGHTARG = text, FUNCTION = mysql.%I)',
            op, 'text ' || op);
    END LOOP;
END
$body$;

CREATE OR REPLACE FUNCTION mysql.plus_text(double precision, text) RETURNS double precision LANGUAGE sql IMMUTABLE AS
    $$ SELECT $1 + coalesce(mysql.to_number($2), 0) $$;
CREATE OR REPLACE AGGREGATE mysql.sum(text) (SFUNC = mysql.plus_text, STYPE = double precision, INITCOND = '0');
CREATE OR REPLACE AGGREGATE mysql.max(boolean) (SFUNC = pg_catalog.boolor_statefunc, STYPE = boolean);
CREATE OR REPLACE AGGREGATE mysql.min(boolean) (SFUNC = pg_catalog.booland_statefunc, STYPE = boolean);

-- Control and comparison.
CREATE OR REPLACE FUNCTION mysql.if(boolean, anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE AS
    $$ SELECT CASE WHEN $1 THEN $2 ELSE $3 END $$;
CREATE OR REPLACE FUNCTION mysql.ifnull(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE AS
    $$ SELECT coalesce($1, $2) $$;
CREATE OR REPLACE FUNCTION mysql.field(bigint, VARIADIC bigint[]) RETURNS integer LANGUAGE sql IMMUTABLE AS
    $$ SELECT coalesce(array_position($2, $1), 0) $$;
CREATE OR REPLACE FUNCTION mysql.field(text, VARIADIC text[]) RETURNS integer LANGUAGE sql IMMUTABLE AS
    $$ SELECT coalesce((SELECT min(n) FROM unnest($2) WITH ORDINALITY AS list(value, n) WHERE value = $1), 0)::integer $$;
CREATE OR REPLACE FUNCTION mysql.find_in_set(text, text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT coalesce(array_position(string_to_array($2 COLLATE "C", ','), $1 COLLATE "C"), 0) $$;
CREATE OR REPLACE FUNCTION mysql.rand() RETURNS double precision LANGUAGE sql VOLATILE AS $$ SELECT random() $$;
CREATE OR REPLACE FUNCTION mysql.rand(bigint) RETURNS double precision LANGUAGE sql VOLATILE AS $$ SELECT random() $$;
CREATE OR REPLACE FUNCTION mysql.round(double precision, integer) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT pg_catalog.round($1::numeric, $2) $$;

-- Text. Where characters are looked for, case makes a difference in PostgreSQL: "C" says that this is meant.
CREATE OR REPLACE FUNCTION mysql.length(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT octet_length($1) $$;
CREATE OR REPLACE FUNCTION mysql.lcase(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT lower($1) $$;
CREATE OR REPLACE FUNCTION mysql.ucase(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT upper($1) $$;
CREATE OR REPLACE FUNCTION mysql.replace(text, text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT pg_catalog.replace($1 COLLATE "C", $2 COLLATE "C", $3 COLLATE "C") $$;
CREATE OR REPLACE FUNCTION mysql.instr(text, text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT strpos(lower($1) COLLATE "C", lower($2) COLLATE "C") $$;
CREATE OR REPLACE FUNCTION mysql.locate(text, text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.instr($2, $1) $$;
CREATE OR REPLACE FUNCTION mysql.substring_index(text, text, integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT array_to_string(CASE WHEN $3 < 0 THEN parts[greatest(cardinality(parts) + $3 + 1, 1):] ELSE parts[:$3] END, $2)
    FROM (SELECT string_to_array($1 COLLATE "C", $2 COLLATE "C") AS parts) split
$$;

-- Time.
CREATE OR REPLACE FUNCTION mysql.moment(text) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN $1::timestamp;
EXCEPTION WHEN others THEN
    RETURN NULL;   -- 0000-00-00, and what is no point in time at all
END $$;
CREATE OR REPLACE FUNCTION mysql.written(timestamp) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT to_char($1, 'YYYY-MM-DD HH24:MI:SS') $$;
CREATE OR REPLACE FUNCTION mysql.now() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT mysql.written(pg_catalog.now() AT TIME ZONE 'UTC') $$;
CREATE OR REPLACE FUNCTION mysql.utc_timestamp() RETURNS text LANGUAGE sql STABLE AS $$ SELECT mysql.now() $$;
CREATE OR REPLACE FUNCTION mysql.curdate() RETURNS text LANGUAGE sql STABLE AS $$ SELECT left(mysql.now(), 10) $$;
CREATE OR REPLACE FUNCTION mysql.to_datetime(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.written(mysql.moment($1)) $$;
CREATE OR REPLACE FUNCTION mysql.to_date(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT left(mysql.written(mysql.moment($1)), 10) $$;
CREATE OR REPLACE FUNCTION mysql.to_time(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT coalesce(right(mysql.written(mysql.moment($1)), 8), $1) $$;
CREATE OR REPLACE FUNCTION mysql.date(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT left($1, 10) $$;
CREATE OR REPLACE FUNCTION mysql.year(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.to_number(left($1, 4))::integer $$;
CREATE OR REPLACE FUNCTION mysql.month(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.to_number(substr($1, 6, 2))::integer $$;
CREATE OR REPLACE FUNCTION mysql.day(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.to_number(substr($1, 9, 2))::integer $$;
CREATE OR REPLACE FUNCTION mysql.dayofmonth(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.day($1) $$;
CREATE OR REPLACE FUNCTION mysql.hour(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.to_number(substr($1, 12, 2))::integer $$;
CREATE OR REPLACE FUNCTION mysql.minute(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.to_number(substr($1, 15, 2))::integer $$;
CREATE OR REPLACE FUNCTION mysql.second(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.to_number(substr($1, 18, 2))::integer $$;
CREATE OR REPLACE FUNCTION mysql.dayofyear(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT extract(doy FROM mysql.moment($1))::integer $$;
CREATE OR REPLACE FUNCTION mysql.dayofweek(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT extract(dow FROM mysql.moment($1))::integer + 1 $$;
CREATE OR REPLACE FUNCTION mysql.weekday(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT extract(isodow FROM mysql.moment($1))::integer - 1 $$;
-- Mode 0: weeks begin on Sunday, the first one is the first that does; mode 1: on Monday, the first one has four days.
CREATE OR REPLACE FUNCTION mysql.week(text, integer DEFAULT 0) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN $2 = 0 THEN (doy - 1 + (7 - (7 - dow) % 7) % 7) / 7 + CASE WHEN dow = 0 THEN 1 ELSE 0 END
                ELSE (doy - 1 + isodow - 1) / 7 + CASE WHEN isodow <= 4 THEN 1 ELSE 0 END END
    FROM (SELECT mysql.dayofyear($1) AS doy, extract(dow FROM day)::integer AS dow, extract(isodow FROM day)::integer AS isodow
          FROM date_trunc('year', mysql.moment($1)) AS day) january
$$;
CREATE OR REPLACE FUNCTION mysql.unix_timestamp(text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT coalesce(extract(epoch FROM mysql.moment($1))::bigint, 0) $$;
CREATE OR REPLACE FUNCTION mysql.unix_timestamp() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT extract(epoch FROM pg_catalog.now())::bigint $$;
CREATE OR REPLACE FUNCTION mysql.from_unixtime(double precision) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.written(to_timestamp($1) AT TIME ZONE 'UTC') $$;
CREATE OR REPLACE FUNCTION mysql.datediff(text, text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.moment($1)::date - mysql.moment($2)::date $$;
-- INTERVAL 5 DAY, INTERVAL '1:30' HOUR_MINUTE
CREATE OR REPLACE FUNCTION mysql.interval(text, text) RETURNS interval LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT CASE WHEN strpos($2, '_') > 0 THEN $1::interval ELSE mysql.to_number($1) * ('1 ' || $2)::interval END $$;
CREATE OR REPLACE FUNCTION mysql.date_add(text, interval) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.written(mysql.moment($1) + $2) $$;
CREATE OR REPLACE FUNCTION mysql.date_sub(text, interval) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT mysql.written(mysql.moment($1) - $2) $$;
CREATE OR REPLACE FUNCTION mysql.date_format(text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    codes constant jsonb := '{"Y": "YYYY", "y": "YY", "m": "MM", "c": "FMMM", "d": "DD", "e": "FMDD", "H": "HH24", "k": "FMHH24", "h": "HH12",
        "I": "HH12", "l": "FMHH12", "i": "MI", "s": "SS", "S": "SS", "p": "AM", "M": "FMMonth", "b": "Mon", "W": "FMDay", "a": "Dy", "j": "DDD",
        "T": "HH24:MI:SS", "r": "HH12:MI:SS AM", "v": "IW", "x": "IYYY"}';
    moment constant timestamp := mysql.moment($1);
    part text;
    result text := '';
BEGIN
    FOR part IN SELECT match[1] FROM regexp_matches($2 COLLATE "C", '%.|[^%]+', 'g') AS match LOOP
        result := result || CASE
            WHEN left(part, 1) = '%' AND codes ? substr(part, 2) THEN to_char(moment, codes ->> substr(part, 2))
            WHEN left(part, 1) = '%' THEN substr(part, 2)
            ELSE part END;
    END LOOP;
    RETURN result;
END $$;

-- The server.
CREATE OR REPLACE FUNCTION mysql.database() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_database()::text $$;
CREATE OR REPLACE FUNCTION mysql.last_insert_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT lastval() $$;
CREATE OR REPLACE FUNCTION mysql.get_lock(text, double precision) RETURNS integer LANGUAGE sql VOLATILE AS
    $$ SELECT pg_try_advisory_lock(hashtext($1 COLLATE "C"))::integer $$;
CREATE OR REPLACE FUNCTION mysql.release_lock(text) RETURNS integer LANGUAGE sql VOLATILE AS
    $$ SELECT pg_advisory_unlock(hashtext($1 COLLATE "C"))::integer $$;

-- information_schema, as far as it is asked for.
CREATE OR REPLACE VIEW mysql.tables AS
    SELECT current_database()::text AS table_schema, c.relname::text AS table_name, 'PostgreSQL'::text AS engine,
        greatest(c.reltuples, 0)::bigint AS table_rows, pg_table_size(c.oid) AS data_length, pg_indexes_size(c.oid) AS index_length,
        'utf8mb4_unicode_ci'::text AS table_collation
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r';
CREATE OR REPLACE VIEW mysql.columns AS
    SELECT current_database()::text AS table_schema, table_name::text, column_name::text, ordinal_position, data_type::text
    FROM information_schema.columns WHERE information_schema.columns.table_schema = 'public';
