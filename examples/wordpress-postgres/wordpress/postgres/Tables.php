<?php
namespace WordPressOnPostgres;

/** Translates CREATE, ALTER, DROP and TRUNCATE TABLE. */
final class Tables
{
    public function __construct(private readonly Schema $schema)
    {
    }

    /** @param Token[] $tokens */
    public function create(array $tokens): Translation
    {
        $group = $this->firstGroup($tokens);
        $table = strtolower($tokens[$group - 1]->text);
        $columns = $keys = [];
        foreach (Tokens::split($tokens[$group]->inside) as $part) {
            if ($this->isKey($part)) {
                $keys[] = Key::read($part);
                continue;
            }
            $column = Column::read($part);
            $columns[$column->key] = $column;
            array_push($keys, ...$this->ownKeys($column));
        }
        $exists = Tokens::find($tokens, 'EXISTS') !== null;
        if ($exists && $this->schema->columns($table) !== []) {
            return new Translation([]);
        }
        $definitions = array_map(fn ($column) => $column->postgresDefinition(), $columns);
        $statements = ['CREATE TABLE ' . Token::name($table) . ' (' . implode(', ', $definitions) . ')'];
        foreach ($columns as $column) {
            $statements[] = $this->comment($table, $column);
        }
        foreach (array_filter($keys) as $key) {
            array_push($statements, ...$key->create($table, $columns));
        }
        return new Translation($statements, changesTables: true);
    }

    /** @param Token[] $tokens "DROP TABLE [IF EXISTS] a, b" or "DROP INDEX a ON b" */
    public function drop(array $tokens): Translation
    {
        if ($tokens[1]->is('INDEX')) {
            return $this->alter([$tokens[0], $tokens[1], $tokens[4], ...array_slice($tokens, 0, 3)]);
        }
        return new Translation([Tokens::sql($tokens)], changesTables: true);
    }

    /** @param Token[] $tokens "TRUNCATE [TABLE] a" */
    public function truncate(array $tokens): Translation
    {
        return new Translation(['TRUNCATE ' . end($tokens)->sql() . ' RESTART IDENTITY']);
    }

    /** @param Token[] $tokens "ALTER TABLE a ADD …, DROP …" */
    public function alter(array $tokens): Translation
    {
        $table = strtolower($tokens[2]->text);
        $statements = [];
        foreach (Tokens::split(array_slice($tokens, 3)) as $change) {
            array_push($statements, ...$this->change($table, $change));
        }
        return new Translation($statements, changesTables: true);
    }

    /**
     * @param Token[] $tokens
     * @return string[]
     */
    private function change(string $table, array $tokens): array
    {
        $verb = strtoupper($tokens[0]->text);
        $rest = array_values(array_slice($tokens, ($tokens[1] ?? null)?->is('COLUMN') ? 2 : 1));
        $alter = 'ALTER TABLE ' . Token::name($table);
        return match (true) {
            $verb === 'ADD' && $this->isKey($rest) => Key::read($rest)?->create($table, $this->schema->columns($table)) ?? [],
            $verb === 'ADD' => $this->add($table, $rest),
            $verb === 'DROP' && $rest[0]->is('PRIMARY', 'INDEX', 'KEY') => [$this->key($table, $rest)->drop($table)],
            $verb === 'DROP' => ["$alter DROP COLUMN " . Token::name($rest[0]->text)],
            $verb === 'CHANGE' => $this->modify($table, $rest[0]->text, array_slice($rest, 1)),
            $verb === 'MODIFY' => $this->modify($table, $rest[0]->text, $rest),
            $verb === 'ALTER' => $this->setDefault($table, $rest),
            // Of storage and character sets there is one kind.
            in_array($verb, ['CONVERT', 'DEFAULT', 'CHARACTER', 'COLLATE', 'ENGINE', 'ORDER'], true) => [],
            default => throw new Failure("ALTER TABLE $verb is not supported"),
        };
    }

    /**
     * @param Token[] $tokens
     * @return string[]
     */
    private function add(string $table, array $tokens): array
    {
        $column = Column::read($tokens);
        $statements = [
            'ALTER TABLE ' . Token::name($table) . ' ADD COLUMN ' . $column->postgresDefinition(),
            $this->comment($table, $column),
        ];
        foreach ($this->ownKeys($column) as $key) {
            array_push($statements, ...$key->create($table, [$column->key => $column]));
        }
        return $statements;
    }

    /**
     * @param Token[] $tokens the new definition
     * @return string[]
     */
    private function modify(string $table, string $name, array $tokens): array
    {
        $earlier = $this->schema->columns($table)[strtolower($name)] ?? throw new Failure("Unknown column '$name' in '$table'");
        $column = Column::read($tokens);
        $alter = 'ALTER TABLE ' . Token::name($table);
        $key = Token::name($column->key);
        $statements = $earlier->key === $column->key ? [] : ["$alter RENAME COLUMN " . Token::name($earlier->key) . " TO $key"];
        if (!$column->isAutomatic) {
            $type = $column->postgresType();
            $plain = preg_replace('/ COLLATE .*/', '', $type);
            $value = !$column->isNumber() || $earlier->isNumber() ? $key : "mysql.to_number($key)";
            $default = $column->postgresDefault();
            $statements[] = "$alter ALTER COLUMN $key DROP DEFAULT";
            $statements[] = "$alter ALTER COLUMN $key TYPE $type USING CAST($value AS $plain)";
            $statements[] = "$alter ALTER COLUMN $key " . ($column->isNullable ? 'DROP' : 'SET') . ' NOT NULL';
            if ($default !== null) {
                $statements[] = "$alter ALTER COLUMN $key SET DEFAULT $default";
            }
        }
        return [...$statements, $this->comment($table, $column)];
    }

    /**
     * @param Token[] $tokens "column SET DEFAULT value" or "column DROP DEFAULT"
     * @return string[]
     */
    private function setDefault(string $table, array $tokens): array
    {
        $column = $this->schema->columns($table)[strtolower($tokens[0]->text)] ?? throw new Failure("Unknown column in '$table'");
        $default = $tokens[1]->is('SET') ? end($tokens)->text : null;
        $column = new Column($column->name, $column->type, $column->isNullable, $default, $column->isAutomatic);
        $value = $column->postgresDefault();
        $change = $value === null ? 'DROP DEFAULT' : "SET DEFAULT $value";
        $alter = 'ALTER TABLE ' . Token::name($table) . ' ALTER COLUMN ' . Token::name($column->key);
        return ["$alter $change", $this->comment($table, $column)];
    }

    /** @param Token[] $tokens "PRIMARY KEY" or "INDEX name" */
    private function key(string $table, array $tokens): Key
    {
        $name = $tokens[0]->is('PRIMARY') ? Key::PRIMARY : $tokens[1]->text;
        foreach ($this->schema->keys($table) as $key) {
            if (strcasecmp($key->name, $name) === 0) {
                return $key;
            }
        }
        throw new Failure("Can't DROP '$name'; check that column/key exists");
    }

    /** @return Key[] those that the column's own definition asks for */
    private function ownKeys(Column $column): array
    {
        $keys = $column->isPrimary ? [new Key(Key::PRIMARY, [$column->name => null], true)] : [];
        return $column->isUnique ? [...$keys, new Key($column->name, [$column->name => null], true)] : $keys;
    }

    private function comment(string $table, Column $column): string
    {
        $name = Token::name($table) . '.' . Token::name($column->key);
        return "COMMENT ON COLUMN $name IS " . Token::literal($column->definition());
    }

    /** @param Token[] $tokens */
    private function isKey(array $tokens): bool
    {
        return $tokens[0]->is('PRIMARY', 'UNIQUE', 'KEY', 'INDEX', 'FULLTEXT', 'SPATIAL', 'CONSTRAINT', 'FOREIGN', 'CHECK');
    }

    /** @param Token[] $tokens */
    private function firstGroup(array $tokens): int
    {
        foreach ($tokens as $at => $token) {
            if ($token->kind === Kind::Group) {
                return $at;
            }
        }
        throw new Failure('CREATE TABLE without columns');
    }
}
