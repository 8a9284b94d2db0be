<?php
namespace WordPressOnPostgres;

/** WordPress's database, which is PostgreSQL. What of wpdb would call MySQL is here; all else is wpdb's own. */
final class Database extends \wpdb
{
    /** What WordPress is told that it works with. */
    private const MYSQL_VERSION = '8.0.0';
    /** MySQL's; the translation reads them again. */
    private const ESCAPES = [
        '\\' => '\\\\', "'" => "\\'", '"' => '\\"', "\n" => '\\n', "\r" => '\\r', "\0" => '\\0', "\x1a" => '\\Z',
    ];
    private const BOOLEAN = 16;   // PostgreSQL's number of the type

    private Schema $schema;
    private Translator $translator;

    public function db_connect($allow_bail = true)
    {
        $this->is_mysql = true;   // it speaks MySQL's SQL
        [$host, $port] = $this->parse_db_host($this->dbhost) ?: [$this->dbhost, null];
        $this->dbh = @pg_connect(self::connectionString([
            'host' => $host, 'port' => $port ?: 5432, 'dbname' => $this->dbname, 'user' => $this->dbuser, 'password' => $this->dbpassword,
            'connect_timeout' => 10, 'client_encoding' => 'UTF8', 'options' => '-c search_path=public,mysql,pg_catalog',
        ]), PGSQL_CONNECT_FORCE_NEW) ?: null;
        if (!$this->dbh) {
            return $allow_bail ? $this->giveUp() : false;
        }
        $this->schema = new Schema($this->rows(...));
        $this->translator = new Translator($this->schema, $this->dbname);
        $this->addFunctions();
        $this->init_charset();
        $this->has_connected = $this->ready = true;
        return true;
    }

    /** @param array<string, int|string> $values */
    private static function connectionString(array $values): string
    {
        return implode(' ', array_map(
            fn ($name, $value) => "$name='" . addcslashes((string) $value, "'\\") . "'",
            array_keys($values),
            $values,
        ));
    }

    private function giveUp(): bool
    {
        wp_load_translations_early();
        if (file_exists(WP_CONTENT_DIR . '/db-error.php')) {
            require_once WP_CONTENT_DIR . '/db-error.php';
            die();
        }
        $this->bail('<h1>' . __('Error establishing a database connection') . "</h1>\n", 'db_connect_fail');
        return false;
    }

    /** Puts functions.sql in where it is not, or is another. */
    private function addFunctions(): void
    {
        $sql = file_get_contents(__DIR__ . '/functions.sql');
        $version = md5($sql);
        $query = "SELECT obj_description(to_regnamespace('mysql'), 'pg_namespace') AS version";
        if ($this->rows($query)[0]['version'] !== $version) {
            // Two requests may come at once: the lock lets one of them in at a time.
            $this->run("BEGIN; SELECT pg_advisory_xact_lock(5432); $sql; COMMENT ON SCHEMA mysql IS '$version'; COMMIT");
        }
    }

    public function check_connection($allow_bail = true)
    {
        for ($try = 1; $try <= $this->reconnect_retries; $try++) {
            if ($this->dbh ? pg_ping($this->dbh) : $this->db_connect(false)) {
                return true;
            }
            sleep(1);
        }
        return $allow_bail && !did_action('template_redirect') ? $this->giveUp() : false;
    }

    public function query($query)
    {
        if (!$this->ready) {
            $this->check_current_query = true;
            return false;
        }
        $query = apply_filters('query', $query);
        if (!$query) {
            $this->insert_id = 0;
            return false;
        }
        $this->flush();
        $this->func_call = "\$db->query(\"$query\")";
        $isValid = !$this->check_current_query || $this->check_ascii($query) || $this->strip_invalid_text_from_query($query) === $query;
        $this->flush();
        $this->check_current_query = true;
        $this->last_query = $query;
        try {
            return $isValid ? $this->answer($query) : throw new Failure('the statement contains invalid characters');
        } catch (Failure $failure) {
            $this->last_error = $failure->getMessage();
            if (preg_match('/^\s*(insert|replace)\s/i', $query)) {
                $this->insert_id = 0;
            }
            $this->print_error($this->last_error);
            return false;
        }
    }

    /** What wpdb::query() returns for a statement: the number of rows, or true. */
    private function answer(string $query): int|bool
    {
        $this->timer_start();
        $translation = $this->translator->translate($query);
        $this->result = $this->carryOut($translation);
        $this->num_queries++;
        if (defined('SAVEQUERIES') && SAVEQUERIES) {
            $this->log_query($query, $this->timer_stop(), $this->get_caller(), $this->time_start, []);
        }
        if (preg_match('/^\s*(create|alter|truncate|drop)\s/i', $query)) {
            return true;
        }
        if (preg_match('/^\s*(insert|delete|update|replace)\s/i', $query)) {
            return $this->rows_affected = $this->changed($translation);
        }
        $this->last_result = array_map(fn ($row) => (object) $row, $translation->rows ?? $this->fetch($translation->names));
        return $this->num_rows = count($this->last_result);
    }

    private function carryOut(Translation $translation): ?\PgSql\Result
    {
        $statements = $translation->statements;
        if (count($statements) > 1) {
            $statements = [implode('; ', ['BEGIN', ...$statements, 'COMMIT'])];
        }
        $result = $statements === [] ? null : $this->runAgain($statements[0]);
        if ($translation->changesTables) {
            $this->schema->forget();
        }
        return $result;
    }

    /** As run(), once more where the connection was lost. */
    private function runAgain(string $sql): \PgSql\Result
    {
        try {
            return $this->run($sql);
        } catch (Failure $failure) {
            if (pg_connection_status($this->dbh) === PGSQL_CONNECTION_OK || !$this->check_connection()) {
                throw $failure;
            }
            return $this->run($sql);
        }
    }

    private function run(string $sql): \PgSql\Result
    {
        $result = @pg_query($this->dbh, $sql);
        if (!$result) {
            $failure = new Failure(trim(pg_last_error($this->dbh)));
            if (str_starts_with($sql, 'BEGIN;')) {
                @pg_query($this->dbh, 'ROLLBACK');
            }
            throw $failure;
        }
        return $result;
    }

    /** @return array<array<string, ?string>> */
    private function rows(string $sql): array
    {
        return pg_fetch_all($this->run($sql));
    }

    /** The number of rows that a statement changed; remembers the number of the new one. */
    private function changed(Translation $translation): int
    {
        if ($translation->givesCount) {
            return (int) pg_fetch_result($this->result, 0, 0);
        }
        $count = $this->result ? pg_affected_rows($this->result) : 0;
        if ($translation->givesId) {
            $this->insert_id = $count > 0 ? (int) pg_fetch_result($this->result, 0, 0) : 0;
        }
        return $count;
    }

    /**
     * @param array<string, string> $names
     * @return array<array<string, ?string>>
     */
    private function fetch(array $names): array
    {
        $fields = [];
        $booleans = [];
        for ($i = 0; $this->result && $i < pg_num_fields($this->result); $i++) {
            $name = pg_field_name($this->result, $i);
            $table = pg_field_table($this->result, $i, true);
            $fields[] = $names[$name] ?? ($table ? $this->schema->columnName((int) $table, $name) : $name);
            if ((int) pg_field_type_oid($this->result, $i) === self::BOOLEAN) {
                $booleans[] = $i;
            }
        }
        $rows = [];
        while ($fields !== [] && $row = pg_fetch_row($this->result)) {
            foreach ($booleans as $i) {
                $row[$i] = $row[$i] === null ? null : ($row[$i] === 't' ? '1' : '0');
            }
            $rows[] = array_combine($fields, array_map(fn ($value) => $value === null ? null : Token::restored($value), $row));
        }
        return $rows;
    }

    public function flush()
    {
        $this->last_result = [];
        $this->col_info = $this->result = $this->last_query = null;
        $this->rows_affected = $this->num_rows = 0;
        $this->last_error = '';
    }

    protected function load_col_info()
    {
        $names = $this->last_result ? array_keys(get_object_vars($this->last_result[0])) : [];
        $this->col_info ??= array_map(fn ($name) => (object) ['name' => $name], $names);
    }

    public function _real_escape($string)
    {
        return is_scalar($string) ? $this->add_placeholder_escape(strtr((string) $string, self::ESCAPES)) : '';
    }

    public function close()
    {
        $wasOpen = $this->dbh && pg_close($this->dbh);
        $this->dbh = null;
        $this->ready = $this->has_connected = false;
        return $wasOpen;
    }

    public function db_server_info()
    {
        return self::MYSQL_VERSION . '-PostgreSQL-' . ($this->dbh ? pg_version($this->dbh)['server'] : '');
    }

    public function has_cap($db_cap)
    {
        return in_array(strtolower($db_cap), ['collation', 'group_concat', 'subqueries', 'set_charset', 'utf8mb4', 'utf8mb4_520'], true);
    }

    // MySQL's settings of a connection: PostgreSQL has none of them.

    public function set_charset($dbh, $charset = null, $collate = null)
    {
    }

    public function set_sql_mode($modes = [])
    {
    }

    public function select($db, $dbh = null)
    {
    }
}
