<?php
namespace WordPressOnPostgres;

/** A key as MySQL defines it. PostgreSQL keeps the definition as the index's comment. */
final class Key
{
    public const PRIMARY = 'PRIMARY';

    /** @param array<string, ?int> $columns {name: length of the part that counts, null = all} */
    public function __construct(
        public readonly string $name,
        public readonly array $columns,
        public readonly bool $isUnique,
    ) {
    }

    /**
     * From "PRIMARY KEY (…)", "UNIQUE KEY name (…)" or "KEY name (…)"; null where PostgreSQL has none of the kind.
     *
     * @param Token[] $tokens
     */
    public static function read(array $tokens): ?self
    {
        if ($tokens[0]->is('CONSTRAINT')) {
            $tokens = array_slice($tokens, $tokens[1]->is('PRIMARY', 'UNIQUE', 'FOREIGN') ? 1 : 2);
        }
        if ($tokens[0]->is('FULLTEXT', 'SPATIAL', 'FOREIGN', 'CHECK')) {
            return null;
        }
        $isPrimary = $tokens[0]->is('PRIMARY');
        $name = $isPrimary ? self::PRIMARY : '';
        foreach ($tokens as $token) {
            if ($token->kind === Kind::Group) {
                $columns = self::parts($token);
                break;
            }
            if ($token->isName() && !$token->is('PRIMARY', 'UNIQUE', 'KEY', 'INDEX', 'USING', 'BTREE')) {
                $name = $token->text;
            }
        }
        $columns ??= [];
        return new self($name === '' ? (string) array_key_first($columns) : $name, $columns, $isPrimary || $tokens[0]->is('UNIQUE'));
    }

    /** @return array<string, ?int> */
    private static function parts(Token $group): array
    {
        $columns = [];
        foreach (Tokens::split($group->inside) as $part) {
            $length = ($part[1] ?? null)?->kind === Kind::Group ? (int) $part[1]->inside[0]->text : null;
            $columns[$part[0]->text] = $length;
        }
        return $columns;
    }

    public function isPrimary(): bool
    {
        return $this->name === self::PRIMARY;
    }

    /** As MySQL writes it. */
    public function definition(): string
    {
        $parts = [];
        foreach ($this->columns as $name => $length) {
            $parts[] = "`$name`" . ($length === null ? '' : "($length)");
        }
        $kind = $this->isPrimary() ? 'PRIMARY KEY' : ($this->isUnique ? 'UNIQUE KEY ' : 'KEY ') . "`$this->name`";
        return "$kind (" . implode(',', $parts) . ')';
    }

    /** The index's name in PostgreSQL, where it must differ from those of other tables. */
    public function indexName(string $table): string
    {
        return strtolower("{$table}__" . ($this->isPrimary() ? 'primary' : $this->name));
    }

    /**
     * Statements that make it. Long text is indexed by its beginning.
     *
     * @param array<string, Column> $columns of the table, by their names in PostgreSQL
     * @return string[]
     */
    public function create(string $table, array $columns): array
    {
        $parts = [];
        foreach ($this->columns as $name => $length) {
            $isLong = ($columns[strtolower($name)] ?? null)?->postgresType() === 'text';
            $parts[] = $isLong ? '"left"(' . Token::name($name) . ', ' . ($length ?? 191) . ')' : Token::name($name);
        }
        $index = Token::name($this->indexName($table));
        $list = implode(', ', $parts);
        return [
            $this->isPrimary()
                ? 'ALTER TABLE ' . Token::name($table) . " ADD CONSTRAINT $index PRIMARY KEY ($list)"
                : 'CREATE ' . ($this->isUnique ? 'UNIQUE ' : '') . "INDEX $index ON " . Token::name($table) . " ($list)",
            "COMMENT ON INDEX $index IS " . Token::literal($this->definition()),
        ];
    }

    public function drop(string $table): string
    {
        $index = Token::name($this->indexName($table));
        return $this->isPrimary() ? 'ALTER TABLE ' . Token::name($table) . " DROP CONSTRAINT $index" : "DROP INDEX $index";
    }
}
