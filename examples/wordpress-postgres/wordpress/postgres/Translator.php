<?php
namespace WordPressOnPostgres;

/** Translates statements of MySQL's SQL into PostgreSQL's. */
final class Translator
{
    /** The rows that the last SELECT would have found without LIMIT; what FOUND_ROWS() counts. */
    private ?string $all = null;
    private readonly Write $write;
    private readonly Tables $tables;
    private readonly Answers $answers;

    public function __construct(private readonly Schema $schema, string $database)
    {
        $this->write = new Write($schema, $this->select(...));
        $this->tables = new Tables($schema);
        $this->answers = new Answers($schema, $database);
    }

    /** @throws Failure */
    public function translate(string $sql): Translation
    {
        $tokens = Lexer::read($sql);
        if ($tokens === []) {
            throw new Failure('Query was empty');
        }
        $verb = strtoupper($tokens[0]->text);
        $translation = match ($verb) {
            '' => count($tokens) === 1 ? $this->query($tokens[0]->inside) : new Translation([$this->select($tokens)]),
            'SELECT' => $this->query($tokens),
            'INSERT', 'REPLACE' => $this->write->insert($tokens),
            'UPDATE' => $this->write->update($tokens),
            'DELETE' => $this->write->delete($tokens),
            'SHOW' => $this->answers->show($tokens),
            'DESCRIBE', 'DESC' => $this->answers->describe(end($tokens)->text),
            'CREATE' => $this->create($tokens),
            'ALTER' => $this->alter($tokens),
            'DROP' => $this->tables->drop($tokens),
            'TRUNCATE' => $this->tables->truncate($tokens),
            // MySQL's own settings, locks and care; users and rights are made where PostgreSQL is set up.
            'SET', 'LOCK', 'UNLOCK', 'OPTIMIZE', 'ANALYZE', 'REPAIR', 'CHECK', 'FLUSH', 'USE', 'GRANT', 'REVOKE' => new Translation([]),
            'START', 'BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT', 'RELEASE' => new Translation([$sql]),
            default => throw new Failure("$verb is not supported"),
        };
        $this->all = $translation->all ?? $this->all;
        return $translation;
    }

    /** @param Token[] $tokens */
    private function query(array $tokens): Translation
    {
        if (str_starts_with($tokens[1]->text ?? '', '@@')) {
            return new Translation([], rows: [[Tokens::sql(array_slice($tokens, 1)) => '']]);
        }
        if (($tokens[1] ?? null)?->is('FOUND_ROWS')) {
            return new Translation(['SELECT count(*) FROM (' . ($this->all ?? 'SELECT 1 WHERE false') . ') AS "all"']);
        }
        if (Tokens::find($tokens, 'UNION') !== null) {
            $sql = $this->select($tokens);
            return new Translation([$sql], all: $sql);
        }
        $select = new Select($tokens, $this->schema, $this->select(...));
        $sql = $select->sql();
        $all = $select->countsAll ? (new Select($tokens, $this->schema, $this->select(...)))->sql(isWhole: false) : $sql;
        return new Translation([$sql], $select->names, $all);
    }

    /**
     * A SELECT, or several in a UNION, within a statement.
     *
     * @param Token[] $tokens
     */
    private function select(array $tokens): string
    {
        $union = Tokens::find($tokens, 'UNION');
        if ($union === null) {
            return (new Select($tokens, $this->schema, $this->select(...)))->sql();
        }
        $isAll = ($tokens[$union + 1] ?? null)?->is('ALL', 'DISTINCT');
        $word = $isAll ? 'UNION ' . strtoupper($tokens[$union + 1]->text) : 'UNION';
        $first = $this->part(array_slice($tokens, 0, $union));
        return "$first $word " . $this->part(array_slice($tokens, $union + ($isAll ? 2 : 1)));
    }

    /** @param Token[] $tokens one side of a UNION, perhaps in parentheses */
    private function part(array $tokens): string
    {
        if (!$tokens[0]->isSelect()) {
            return $this->select($tokens);
        }
        $rest = Tokens::clauses(array_slice($tokens, 1), ['ORDER', 'LIMIT']);
        return '(' . $this->select($tokens[0]->inside) . ')'
            . (isset($rest['ORDER']) ? ' ORDER BY ' . Tokens::sql($rest['ORDER']) : '') . Select::limit($rest['LIMIT'] ?? []);
    }

    /** @param Token[] $tokens */
    private function create(array $tokens): Translation
    {
        if (Tokens::find($tokens, 'TABLE') !== null) {
            return $this->tables->create($tokens);
        }
        if ($tokens[1]->is('DATABASE', 'USER')) {
            return new Translation([]);
        }
        // "CREATE [UNIQUE] INDEX name ON table (…)" is an ALTER TABLE.
        $on = Tokens::find($tokens, 'ON') ?? throw new Failure('CREATE of what?');
        $key = [...array_slice($tokens, 1, $on - 1), ...array_slice($tokens, $on + 2)];
        return $this->tables->alter([$tokens[0], $tokens[0], $tokens[$on + 1], new Token(Kind::Word, 'ADD'), ...$key]);
    }

    /** @param Token[] $tokens */
    private function alter(array $tokens): Translation
    {
        return $tokens[1]->is('TABLE') ? $this->tables->alter($tokens) : new Translation([]);
    }
}
