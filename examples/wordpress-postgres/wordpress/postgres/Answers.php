<?php
namespace WordPressOnPostgres;

/** Answers questions about the database, SHOW and DESCRIBE, as MySQL does. */
final class Answers
{
    private const COLLATION = 'utf8mb4_unicode_ci';

    public function __construct(private readonly Schema $schema, private readonly string $database)
    {
    }

    /** @param Token[] $tokens */
    public function show(array $tokens): Translation
    {
        $words = array_values(array_filter($tokens, fn ($token) => !$token->is('FULL', 'GLOBAL', 'SESSION', 'EXTENDED')));
        $like = Tokens::find($words, 'LIKE');
        $pattern = $like === null ? null : $words[$like + 1]->text;
        $what = $words[1] ?? new Token(Kind::Word);
        return match (true) {
            $what->is('TABLES') => $this->tables($pattern),
            $what->is('COLUMNS', 'FIELDS') => $this->describe($words[3]->text, $pattern),
            $what->is('INDEX', 'INDEXES', 'KEYS') => $this->indexes($words),
            $what->is('TABLE') => $this->status($pattern),
            $what->is('DATABASES') => $this->answer([['Database' => $this->database]]),
            $what->is('CREATE') => $this->definition($words[3]->text),
            default => $this->answer([]),   // of variables, engines and rights there is nothing to tell
        };
    }

    /** Columns of a table. */
    public function describe(string $table, ?string $pattern = null): Translation
    {
        $rows = [];
        foreach ($this->columns($table) as $column) {
            if ($pattern === null || self::matches($column->name, $pattern)) {
                $isText = !$column->isNumber() && !$column->isTime();
                $rows[] = [
                    'Field' => $column->name,
                    'Type' => $column->type,
                    'Collation' => $isText ? self::COLLATION : null,
                    'Null' => $column->isNullable ? 'YES' : 'NO',
                    'Key' => $this->keyOf($table, $column),
                    'Default' => $column->default,
                    'Extra' => $column->isAutomatic ? 'auto_increment' : '',
                ];
            }
        }
        return $this->answer($rows);
    }

    private function tables(?string $pattern): Translation
    {
        $found = array_filter($this->schema->tables(), fn ($table) => $pattern === null || self::matches($table, $pattern));
        return $this->answer(array_map(fn ($table) => ["Tables_in_$this->database" => $table], array_values($found)));
    }

    /** @param Token[] $tokens "SHOW INDEX FROM a [WHERE column = 'value']" */
    private function indexes(array $tokens): Translation
    {
        $this->columns($tokens[3]->text);
        $rows = [];
        foreach ($this->schema->keys($tokens[3]->text) as $key) {
            $position = 0;
            foreach ($key->columns as $name => $length) {
                $rows[] = [
                    'Table' => $tokens[3]->text,
                    'Non_unique' => $key->isUnique ? '0' : '1',
                    'Key_name' => $key->name,
                    'Seq_in_index' => (string) ++$position,
                    'Column_name' => $name,
                    'Sub_part' => $length === null ? null : (string) $length,
                    'Index_type' => 'BTREE',
                ];
            }
        }
        $where = Tokens::find($tokens, 'WHERE');
        if ($where !== null) {
            [$name, , $value] = array_slice($tokens, $where + 1);
            $rows = array_filter($rows, fn ($row) => strcasecmp($row[ucfirst(strtolower($name->text))] ?? '', $value->text) === 0);
        }
        return $this->answer(array_values($rows));
    }

    /** SHOW TABLE STATUS. */
    private function status(?string $pattern): Translation
    {
        $where = $pattern === null ? '' : ' WHERE table_name LIKE ' . Token::literal($pattern);
        $sql = 'SELECT table_name AS "Name", \'PostgreSQL\' AS "Engine", table_rows AS "Rows", data_length AS "Data_length", '
            . 'index_length AS "Index_length", table_collation AS "Collation" FROM mysql.tables' . $where;
        return new Translation([$sql]);
    }

    private function definition(string $table): Translation
    {
        $parts = array_map(fn ($part) => $part->definition(), [...array_values($this->columns($table)), ...$this->schema->keys($table)]);
        return $this->answer([['Table' => $table, 'Create Table' => "CREATE TABLE `$table` (\n  " . implode(",\n  ", $parts) . "\n)"]]);
    }

    /** @return array<string, Column> */
    private function columns(string $table): array
    {
        return $this->schema->columns($table) ?: throw new Failure("Table '$this->database.$table' doesn't exist");
    }

    private function keyOf(string $table, Column $column): string
    {
        foreach ($this->schema->keys($table) as $key) {
            if (strcasecmp((string) array_key_first($key->columns), $column->name) === 0) {
                return $key->isPrimary() ? 'PRI' : ($key->isUnique ? 'UNI' : 'MUL');
            }
        }
        return '';
    }

    /** @param array<array<string, ?string>> $rows */
    private function answer(array $rows): Translation
    {
        return new Translation([], rows: $rows);
    }

    /** Whether a name matches a pattern of LIKE. */
    private static function matches(string $name, string $pattern): bool
    {
        $parts = preg_split('/(\\\\.|%|_)/s', $pattern, -1, PREG_SPLIT_DELIM_CAPTURE);
        $expression = implode('', array_map(fn ($part) => match ($part) {
            '%' => '.*',
            '_' => '.',
            default => preg_quote(str_starts_with($part, '\\') ? substr($part, 1) : $part, '/'),
        }, $parts));
        return (bool) preg_match("/^$expression\$/is", $name);
    }
}
