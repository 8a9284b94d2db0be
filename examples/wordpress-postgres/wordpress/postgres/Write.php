<?php
namespace WordPressOnPostgres;

/** Translates INSERT, REPLACE, UPDATE and DELETE. */
final class Write
{
    /** @param \Closure(Token[]): string $select */
    public function __construct(private readonly Schema $schema, private readonly \Closure $select)
    {
    }

    /** @param Token[] $tokens */
    public function insert(array $tokens): Translation
    {
        $replaces = $tokens[0]->is('REPLACE');
        $ignores = false;
        for ($at = 1; $tokens[$at]->is('LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'INTO'); $at++) {
            $ignores = $ignores || $tokens[$at]->is('IGNORE');
        }
        $table = strtolower($tokens[$at]->text);
        $rest = array_slice($tokens, $at + 1);
        $update = $this->cutUpdate($rest);
        [$names, $source] = $this->source($table, $rest);
        $sql = 'INSERT INTO ' . Token::name($table) . ' (' . implode(', ', array_map(Token::name(...), $names)) . ") $source";
        $sql .= match (true) {
            $replaces => $this->onConflict($table, $names, $this->replacements($names)),
            $update !== null => $this->onConflict($table, $names, $this->updates($table, $update)),
            $ignores => ' ON CONFLICT DO NOTHING',
            default => '',
        };
        return $this->inserted($table, $names, $sql);
    }

    /** @param string[] $names */
    private function inserted(string $table, array $names, string $sql): Translation
    {
        $automatic = $this->schema->automaticColumn($table);
        if (!$automatic) {
            return new Translation([$sql]);
        }
        $id = Token::name($automatic->key);
        $sql .= " RETURNING $id";
        if (in_array($automatic->key, $names, true)) {
            // The row brings its own number: the next ones go on after it.
            $sequence = 'pg_get_serial_sequence(' . Token::literal(Token::name($table)) . ', ' . Token::literal($automatic->key) . ')';
            $last = "greatest(nextval($sequence) - 1, (SELECT max($id) FROM new))";
            $sql = "WITH new AS ($sql) SELECT $id, setval($sequence, $last) FROM new";
        }
        return new Translation([$sql], givesId: true);
    }

    /**
     * Takes "ON DUPLICATE KEY UPDATE …" off the end.
     *
     * @param Token[] $tokens
     * @return Token[]|null what is behind it
     */
    private function cutUpdate(array &$tokens): ?array
    {
        $at = Tokens::find($tokens, 'DUPLICATE');
        if ($at === null) {
            return null;
        }
        $update = array_slice($tokens, $at + 3);
        $tokens = array_slice($tokens, 0, $at - 1);
        return $update;
    }

    /**
     * The columns, and the rows as VALUES or a SELECT.
     *
     * @param Token[] $tokens after the table
     * @return array{string[], string}
     */
    private function source(string $table, array $tokens): array
    {
        if ($tokens[0]->is('SET')) {
            $pairs = $this->assignments($table, array_slice($tokens, 1));
            return [array_keys($pairs), 'VALUES (' . implode(', ', $pairs) . ')'];
        }
        $names = array_keys($this->schema->columns($table));
        if ($tokens[0]->kind === Kind::Group && !$tokens[0]->isSelect()) {
            $names = array_map(fn ($part) => strtolower(end($part)->text), Tokens::split(array_shift($tokens)->inside));
        }
        if ($tokens[0]->is('SELECT') || $tokens[0]->isSelect()) {
            return [$names, ($this->select)($tokens[0]->is('SELECT') ? $tokens : $tokens[0]->inside)];
        }
        $rows = [];
        foreach (array_slice($tokens, 1) as $token) {
            if ($token->kind === Kind::Group) {
                $rows[] = array_map(fn ($name, $value) => $this->value($table, $name, $value), $names, Tokens::split($token->inside));
            }
        }
        $automatic = array_search($this->schema->automaticColumn($table)?->key, $names, true);
        if ($automatic !== false && array_unique(array_column($rows, $automatic)) === ['DEFAULT']) {
            unset($names[$automatic]);
            array_walk($rows, function (&$row) use ($automatic) {
                unset($row[$automatic]);
            });
        }
        return [$names, 'VALUES ' . implode(', ', array_map(fn ($row) => '(' . implode(', ', $row) . ')', $rows))];
    }

    /** @param Token[]|null $tokens */
    private function value(string $table, string $name, ?array $tokens): string
    {
        if ($tokens === null || $tokens === []) {
            throw new Failure("Column count doesn't match value count");
        }
        $column = $this->schema->columns($table)[$name] ?? null;
        $isOne = count($tokens) === 1;
        if ($isOne && $column?->isAutomatic && ($tokens[0]->is('NULL') || in_array($tokens[0]->text, ['', '0'], true))) {
            return 'DEFAULT';
        }
        return $this->expression($isOne && $column ? [$column->stored($tokens[0])] : $tokens);
    }

    /**
     * @param string[] $names of the columns that new rows bring
     * @param string[] $updates
     */
    private function onConflict(string $table, array $names, array $updates): string
    {
        foreach ($this->schema->keys($table) as $key) {
            $columns = array_map(strtolower(...), array_keys($key->columns));
            if ($key->isUnique && array_diff($columns, $names) === []) {
                $target = implode(', ', array_map(Token::name(...), $columns));
                return $updates === [] ? ' ON CONFLICT DO NOTHING' : " ON CONFLICT ($target) DO UPDATE SET " . implode(', ', $updates);
            }
        }
        return '';   // no row can be there already
    }

    /**
     * @param string[] $names
     * @return string[]
     */
    private function replacements(array $names): array
    {
        return array_map(fn ($name) => Token::name($name) . ' = EXCLUDED.' . Token::name($name), $names);
    }

    /**
     * "a = VALUES(a), b = b + 1": the row that is there, and EXCLUDED, the one that would be.
     *
     * @param Token[] $tokens
     * @return string[]
     */
    private function updates(string $table, array $tokens): array
    {
        return self::sets($this->assignments($table, $this->qualified($table, $tokens)));
    }

    /**
     * @param array<string, string> $pairs
     * @return string[]
     */
    private static function sets(array $pairs): array
    {
        return array_map(fn ($name, $value) => Token::name($name) . " = $value", array_keys($pairs), $pairs);
    }

    /**
     * @param Token[] $tokens
     * @return Token[]
     */
    private function qualified(string $table, array $tokens, bool $isGroup = false): array
    {
        $done = [];
        $isTarget = !$isGroup;
        foreach ($tokens as $at => $token) {
            $before = $tokens[$at - 1] ?? null;
            $next = $tokens[$at + 1] ?? null;
            if ($token->is('VALUES') && $next?->kind === Kind::Group) {
                $done[] = Token::done('EXCLUDED.' . Token::name($next->inside[0]->text));
            } elseif ($token->kind === Kind::Group && !$before?->is('VALUES')) {
                $done[] = new Token(Kind::Group, '', $this->qualified($table, $token->inside, true));
            } elseif ($token->kind !== Kind::Group) {
                $isBare = $token->isName() && !$isTarget && !$next?->isSymbol('.') && !$before?->isSymbol('.');
                $isColumn = $isBare && isset($this->schema->columns($table)[strtolower($token->text)]);
                $done[] = $isColumn ? Token::done(Token::name($table) . '.' . Token::name($token->text)) : $token;
            }
            $isTarget = !$isGroup && ($token->isSymbol(',') || ($isTarget && !$token->isSymbol('=')));
        }
        return $done;
    }

    /**
     * @param Token[] $tokens "a = 1, t.b = 2"
     * @return array<string, string> {column: value in PostgreSQL's SQL}
     */
    private function assignments(string $table, array $tokens): array
    {
        $pairs = [];
        foreach (Tokens::split($tokens) as $part) {
            $equals = null;
            foreach ($part as $at => $token) {
                $equals ??= $token->isSymbol('=') ? $at : null;
            }
            if (!$equals) {
                throw new Failure('an assignment without "="');
            }
            $name = strtolower($part[$equals - 1]->text);
            $pairs[$name] = $this->value($table, $name, array_slice($part, $equals + 1));
        }
        return $pairs;
    }

    /** @param Token[] $tokens */
    public function update(array $tokens): Translation
    {
        $clauses = Tokens::clauses(array_slice($tokens, 1), ['SET', 'WHERE', 'ORDER', 'LIMIT']);
        $from = array_values(array_filter($clauses[''], fn ($token) => !$token->is('LOW_PRIORITY', 'IGNORE')));
        $targets = $this->targets($from);
        $pairs = $this->assignments(reset($targets), $clauses['SET']);
        if (count($targets) > 1) {
            return $this->updateJoined($from, $clauses, $targets, $pairs);
        }
        $sets = implode(', ', self::sets($pairs));
        return new Translation(['UPDATE ' . Tokens::sql($from) . " SET $sets" . $this->where($from, $clauses)]);
    }

    /**
     * The new values come from a SELECT over all tables; which of them is changed, the first assignment says.
     *
     * @param array<string, string> $targets
     * @param array<string, string> $pairs
     */
    private function updateJoined(array $from, array $clauses, array $targets, array $pairs): Translation
    {
        $first = Tokens::column([$clauses['SET'][0], ...array_slice($clauses['SET'], 1, 2)])
            ?? ['', strtolower($clauses['SET'][0]->text)];
        $name = isset($targets[$first[0]]) ? $first[0] : array_key_first(array_filter(
            $targets,
            fn ($table) => isset($this->schema->columns($table)[$first[1]]),
        ));
        $values = $sets = [];
        foreach ($pairs as $column => $value) {
            $values[] = "$value AS " . Token::name("new_$column");
            $sets[] = Token::name($column) . ' = found.' . Token::name("new_$column");
        }
        $table = Token::name($targets[$name]);
        $found = 'SELECT ' . Token::name($name) . '.ctid AS row, ' . implode(', ', $values) . ' FROM ' . $this->expression($from)
            . $this->condition($clauses);
        return new Translation(["UPDATE $table SET " . implode(', ', $sets) . " FROM ($found) found WHERE $table.ctid = found.row"]);
    }

    /** @param Token[] $tokens */
    public function delete(array $tokens): Translation
    {
        $clauses = Tokens::clauses(array_slice($tokens, 1), ['FROM', 'USING', 'WHERE', 'ORDER', 'LIMIT']);
        $named = array_filter($clauses[''], fn ($token) => $token->isName() && !$token->is('LOW_PRIORITY', 'QUICK', 'IGNORE'));
        if ($named === [] && !isset($clauses['USING'])) {
            return new Translation(['DELETE FROM ' . Tokens::sql($clauses['FROM']) . $this->where($clauses['FROM'], $clauses)]);
        }
        $isUsing = $named === [] && !Tokens::find($clauses['FROM'], 'JOIN');
        $named = $isUsing ? array_filter($clauses['FROM'], fn ($token) => $token->isName()) : $named;
        return $this->deleteJoined(array_values($named), $isUsing ? $clauses['USING'] : $this->joined($clauses), $clauses);
    }

    /** "FROM a JOIN b USING (c)": there USING is no clause. */
    private function joined(array &$clauses): array
    {
        $from = $clauses['FROM'];
        if (isset($clauses['USING'])) {
            $from = [...$from, new Token(Kind::Word, 'USING'), ...$clauses['USING']];
        }
        return $from;
    }

    /**
     * "DELETE a, b FROM …": rows are found first, then each table's are removed.
     *
     * @param Token[] $named
     */
    private function deleteJoined(array $named, array $from, array $clauses): Translation
    {
        $targets = $this->targets($from);
        $rows = $deletes = [];
        foreach ($named as $token) {
            $name = strtolower($token->text);
            if (!isset($targets[$name])) {
                throw new Failure("Unknown table '$name' in MULTI DELETE");
            }
            $rows[$name] = Token::name($name) . '.ctid AS ' . Token::name($name);
            $deletes[$targets[$name]][] = 'SELECT ' . Token::name($name) . ' FROM found';
        }
        $select = 'SELECT ' . implode(', ', $rows) . ' FROM ' . $this->expression($from) . $this->condition($clauses);
        $with = ["found AS MATERIALIZED ($select)"];
        $counts = [];
        foreach ($deletes as $table => $found) {
            $with[] = 'deleted' . count($counts) . ' AS (DELETE FROM ' . Token::name($table)
                . ' WHERE ctid IN (' . implode(' UNION ', $found) . ') RETURNING 1)';
            $counts[] = '(SELECT count(*) FROM deleted' . count($counts) . ')';
        }
        return new Translation(['WITH ' . implode(', ', $with) . ' SELECT ' . implode(' + ', $counts)], givesCount: true);
    }

    /**
     * {name in the statement: table}.
     *
     * @param Token[] $from
     * @return array<string, string>
     */
    private function targets(array $from): array
    {
        $targets = [];
        foreach ($from as $at => $token) {
            $begins = $at === 0 || $from[$at - 1]->isSymbol(',') || $from[$at - 1]->is('JOIN');
            if ($begins && $token->isName()) {
                $alias = $from[$at + 1] ?? null;
                $alias = $alias?->is('AS') ? $from[$at + 2] : $alias;
                $hasAlias = $alias?->isName() && !$alias->is('INNER', 'LEFT', 'RIGHT', 'CROSS', 'JOIN', 'ON', 'USING');
                $targets[strtolower($hasAlias ? $alias->text : $token->text)] = strtolower($token->text);
            }
        }
        return $targets;
    }

    /** The condition of a statement on one table, which may be limited to some rows. */
    private function where(array $from, array $clauses): string
    {
        if (!isset($clauses['LIMIT'])) {
            return $this->condition($clauses);
        }
        $order = isset($clauses['ORDER']) ? ' ORDER BY ' . $this->expression($clauses['ORDER']) : '';
        $select = 'SELECT ctid FROM ' . Tokens::sql($from) . $this->condition($clauses) . $order . Select::limit($clauses['LIMIT']);
        return " WHERE ctid IN ($select)";
    }

    private function condition(array $clauses): string
    {
        return isset($clauses['WHERE']) ? ' WHERE ' . $this->expression($clauses['WHERE'], true) : '';
    }

    private function expression(array $tokens, bool $isCondition = false): string
    {
        return Expression::translate($tokens, $this->schema, $this->select, $isCondition);
    }
}
