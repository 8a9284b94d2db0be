<?php
namespace WordPressOnPostgres;

/** The tables that are there, as MySQL would define them. Read once, when it is first asked, and again after changes. */
final class Schema
{
    /** @var array<string, array<string, Column>>|null {table: {name in PostgreSQL: column}} */
    private ?array $columns = null;
    /** @var array<string, Key[]> */
    private array $keys = [];
    /** @var array<int, string> {number of the table in PostgreSQL: name} */
    private array $numbers = [];

    /** @param \Closure(string): array<array<string, ?string>> $rows of a query in PostgreSQL's SQL */
    public function __construct(private readonly \Closure $rows)
    {
    }

    public function forget(): void
    {
        $this->columns = null;
    }

    /** @return string[] */
    public function tables(): array
    {
        $this->load();
        return array_keys($this->columns);
    }

    /** @return array<string, Column> none where there is no such table */
    public function columns(string $table): array
    {
        $this->load();
        return $this->columns[strtolower($table)] ?? [];
    }

    /** @return Key[] the primary one first */
    public function keys(string $table): array
    {
        $this->load();
        return $this->keys[strtolower($table)] ?? [];
    }

    public function automaticColumn(string $table): ?Column
    {
        foreach ($this->columns($table) as $column) {
            if ($column->isAutomatic) {
                return $column;
            }
        }
        return null;
    }

    /** The column that a name without a table most likely means: it has one type in all tables that have it. */
    public function anyColumn(string $name): ?Column
    {
        $this->load();
        $found = null;
        foreach ($this->columns as $columns) {
            $column = $columns[strtolower($name)] ?? null;
            if ($column && $found && $column->postgresType() !== $found->postgresType()) {
                return null;
            }
            $found = $column ?? $found;
        }
        return $found;
    }

    /** The name of a result's column as its table defines it. */
    public function columnName(int $tableNumber, string $name): string
    {
        $this->load();
        return ($this->columns[$this->numbers[$tableNumber] ?? ''][$name] ?? null)?->name ?? $name;
    }

    private function load(): void
    {
        if ($this->columns !== null) {
            return;
        }
        $this->columns = $this->keys = $this->numbers = [];
        $columns = ($this->rows)(
            "SELECT c.oid, c.relname, a.attname, col_description(c.oid, a.attnum) AS definition
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY c.relname, a.attnum"
        );
        foreach ($columns as $row) {
            $this->numbers[(int) $row['oid']] = $row['relname'];
            $this->columns[$row['relname']][$row['attname']] = self::column($row['attname'], $row['definition']);
        }
        $keys = ($this->rows)(
            "SELECT t.relname, obj_description(i.indexrelid, 'pg_class') AS definition
            FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
            WHERE t.relnamespace = 'public'::regnamespace ORDER BY t.relname, i.indisprimary DESC, i.indexrelid"
        );
        foreach ($keys as $row) {
            if ($row['definition'] !== null && $key = Key::read(Lexer::read($row['definition']))) {
                $this->keys[$row['relname']][] = $key;
            }
        }
    }

    /** A column of a table that was not made here has no definition of MySQL's. */
    private static function column(string $name, ?string $definition): Column
    {
        $tokens = $definition === null || !str_starts_with(strtolower($definition), "`$name`") ? [] : Lexer::read($definition);
        return count($tokens) < 2 ? new Column($name, 'text') : Column::read($tokens);
    }
}
