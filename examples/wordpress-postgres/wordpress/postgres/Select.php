<?php
namespace WordPressOnPostgres;

/**
 * Translates one SELECT. MySQL lets rows be ordered by, and results hold, what DISTINCT and GROUP BY leave more than one
 * value of, and takes any of these; PostgreSQL wants to be told which, so it is told: the smallest or the largest.
 */
final class Select
{
    private const MODIFIERS = [
        'ALL', 'DISTINCT', 'DISTINCTROW', 'HIGH_PRIORITY', 'SQL_BIG_RESULT', 'SQL_BUFFER_RESULT', 'SQL_CALC_FOUND_ROWS',
        'SQL_CACHE', 'SQL_NO_CACHE', 'SQL_SMALL_RESULT', 'STRAIGHT_JOIN',
    ];
    private const CLAUSES = ['FROM', 'WHERE', 'GROUP', 'HAVING', 'ORDER', 'LIMIT', 'FOR', 'LOCK'];
    /** Words beside a value that are no name for it. */
    private const NO_ALIAS = [
        'AND', 'ASC', 'BETWEEN', 'BINARY', 'COLLATE', 'CROSS', 'DESC', 'DIV', 'ELSE', 'END', 'FALSE', 'FORCE', 'IGNORE', 'INNER', 'IS',
        'JOIN', 'LEFT', 'LIKE', 'MOD', 'NATURAL', 'NOT', 'NULL', 'ON', 'OR', 'REGEXP', 'RIGHT', 'RLIKE', 'STRAIGHT_JOIN', 'THEN',
        'TRUE', 'USE', 'USING', 'XOR',
    ];

    /** @var array<string, string> {lower-case: as written}: names of the result's columns */
    public array $names = [];
    public bool $countsAll = false;

    private bool $isDistinct = false;
    /** @var Token[][] */
    private array $clauses;
    /** @var array{Token[], string}[] [expression, alias or ""] */
    private array $items = [];
    /** @var Token[][] */
    private array $groups;
    /** @var array<string, string> {name in the query: table} */
    private array $tables = [];

    /** @param Token[] $tokens from SELECT on */
    public function __construct(array $tokens, private readonly Schema $schema, private readonly \Closure $select)
    {
        array_shift($tokens);
        while ($tokens !== [] && $tokens[0]->is(...self::MODIFIERS)) {
            $modifier = array_shift($tokens);
            $this->isDistinct = $this->isDistinct || $modifier->is('DISTINCT', 'DISTINCTROW');
            $this->countsAll = $this->countsAll || $modifier->is('SQL_CALC_FOUND_ROWS');
        }
        $this->clauses = Tokens::clauses($tokens, self::CLAUSES);
        $this->groups = Tokens::split($this->clauses['GROUP'] ?? []);
        $this->readTables();
        foreach (Tokens::split($this->clauses['']) as $item) {
            $this->items[] = self::item($item);
        }
        foreach ($this->items as [$expression, $alias]) {
            $name = $alias !== '' ? $alias : (Tokens::column($expression) ? end($expression)->text : '*');
            $this->names += [strtolower($name) => $name];
        }
    }

    /** @param bool $isWhole without, it is neither ordered nor limited */
    public function sql(bool $isWhole = true): string
    {
        $order = $isWhole ? $this->order() : '';
        $sql = 'SELECT ' . ($this->isDistinct ? 'DISTINCT ' : '') . $this->list();
        if (isset($this->clauses['FROM']) && !$this->clauses['FROM'][0]->is('DUAL')) {
            $sql .= ' FROM ' . $this->expression($this->clauses['FROM']);
        }
        $sql .= $this->conditions();
        if ($this->groups !== []) {
            $sql .= ' GROUP BY ' . implode(', ', array_map($this->expression(...), $this->groups));
        }
        if (isset($this->clauses['HAVING']) && !$this->filtersRows()) {
            $sql .= ' HAVING ' . $this->expression($this->withoutAliases($this->clauses['HAVING']), true);
        }
        return $sql . $order . ($isWhole ? self::limit($this->clauses['LIMIT'] ?? []) . $this->lock() : '');
    }

    /**
     * "LIMIT 5, 10" is "LIMIT 10 OFFSET 5".
     *
     * @param Token[] $tokens
     */
    public static function limit(array $tokens): string
    {
        if ($tokens === []) {
            return '';
        }
        $count = ($tokens[1] ?? null)?->isSymbol(',') ? $tokens[2] : $tokens[0];
        $offset = isset($tokens[2]) ? ($tokens[1]->isSymbol(',') ? $tokens[0] : $tokens[2]) : null;
        $isEndless = strlen($count->text) > 18;
        return ($isEndless ? '' : " LIMIT $count->text") . ($offset ? " OFFSET $offset->text" : '');
    }

    /** "a AS b", "a b" or "a". */
    private static function item(array $tokens): array
    {
        $last = end($tokens);
        $before = $tokens[count($tokens) - 2] ?? null;
        $canName = $last->isName() || $last->kind === Kind::String;
        if ($before?->is('AS') && $canName) {
            return [array_slice($tokens, 0, -2), $last->text];
        }
        $isAfterValue = $before && ($before->isName() || in_array($before->kind, [Kind::Group, Kind::Number, Kind::String], true));
        if ($canName && $isAfterValue && !$last->is(...self::NO_ALIAS) && !$before->is(...self::NO_ALIAS)) {
            return [array_slice($tokens, 0, -1), $last->text];
        }
        return [$tokens, ''];
    }

    private function readTables(): void
    {
        $from = $this->clauses['FROM'] ?? [];
        foreach ($from as $at => $token) {
            $begins = $at === 0 || $from[$at - 1]->isSymbol(',') || $from[$at - 1]->is('JOIN', 'STRAIGHT_JOIN');
            if ($begins && $token->isName()) {
                $alias = $from[$at + 1] ?? null;
                $alias = $alias?->is('AS') ? $from[$at + 2] : $alias;
                $hasAlias = $alias?->isName() && !$alias->is(...self::NO_ALIAS);
                $this->tables[strtolower($hasAlias ? $alias->text : $token->text)] = strtolower($token->text);
            }
        }
    }

    private function list(): string
    {
        $isGrouped = $this->groups !== [] || $this->isAggregate();
        $parts = [];
        foreach ($this->items as [$expression, $alias]) {
            $column = Tokens::column($expression);
            if ($isGrouped && $column && $column[1] === '*' && !$this->isDetermined($column)) {
                $parts = [...$parts, ...$this->anyOfAll($column[0])];
                continue;
            }
            $sql = $this->expression($expression);
            if ($isGrouped && !$this->isSingle($expression, $alias) && !($column && $this->isDetermined($column))) {
                $sql = "min($sql)";
                $alias = $alias === '' && $column ? end($expression)->text : $alias;
            }
            $parts[] = $sql . match (true) {
                $alias !== '' => ' AS ' . Token::name($alias),
                $column === null => ' AS ' . Token::exactName(Tokens::written($expression)),
                default => '',
            };
        }
        return implode(', ', $parts);
    }

    private function isAggregate(): bool
    {
        return array_filter($this->items, fn ($item) => Tokens::aggregates($item[0])) !== [];
    }

    /** Whether a group has one value of this, as far as its text tells. */
    private function isSingle(array $expression, string $alias): bool
    {
        if (Tokens::aggregates($expression) || self::isConstant($expression)) {
            return true;
        }
        $known = [$this->normal($expression), strtolower($alias), (string) $this->positionOf($expression)];
        return array_intersect(array_map($this->normal(...), $this->groups), array_diff($known, [''])) !== [];
    }

    private static function isConstant(array $expression): bool
    {
        return count($expression) === 1 && in_array($expression[0]->kind, [Kind::Number, Kind::String], true);
    }

    /** Which column of the result it is, from 1 on; 0 = none. */
    private function positionOf(array $expression): int
    {
        $at = array_search($expression, array_column($this->items, 0), true);
        return $at === false ? 0 : $at + 1;
    }

    /** Whether the table of this column is grouped by its primary key. */
    private function isDetermined(array $column): bool
    {
        $name = $column[0] !== '' ? $column[0] : $this->tableWith($column[1]);
        $table = $name === null ? null : ($this->tables[$name] ?? null);
        $primary = $table === null ? null : ($this->schema->keys($table)[0] ?? null);
        if (!$primary?->isPrimary()) {
            return false;
        }
        $grouped = array_filter(array_map(Tokens::column(...), $this->groups));
        foreach (array_keys($primary->columns) as $part) {
            $wanted = [[$name, strtolower($part)], ['', strtolower($part)]];
            if (array_filter($grouped, fn ($group) => in_array($group, $wanted, true)) === []) {
                return false;
            }
        }
        return true;
    }

    private function tableWith(string $column): ?string
    {
        if ($column === '*') {
            return count($this->tables) === 1 ? array_key_first($this->tables) : null;
        }
        foreach ($this->tables as $name => $table) {
            if (isset($this->schema->columns($table)[$column])) {
                return $name;
            }
        }
        return null;
    }

    /** @return string[] one value of each column of a table, or of all tables */
    private function anyOfAll(string $qualifier): array
    {
        $parts = [];
        foreach ($this->columnsOf($qualifier) as [$name, $column]) {
            $sql = Token::name($name) . '.' . Token::name($column->key);
            $this->names[$column->key] = $column->name;
            $isFixed = $this->isDetermined([$name, $column->key]);
            $parts[] = ($isFixed ? $sql : "min($sql)") . ' AS ' . Token::name($column->key);
        }
        return $parts;
    }

    /** @return array{string, Column}[] */
    private function columnsOf(string $qualifier): array
    {
        $found = [];
        foreach ($this->tables as $name => $table) {
            if ($qualifier === '' || $qualifier === $name) {
                foreach ($this->schema->columns($table) as $column) {
                    $found[] = [$name, $column];
                }
            }
        }
        return $found;
    }

    private function conditions(): string
    {
        $parts = [];
        if (isset($this->clauses['WHERE'])) {
            $parts[] = $this->expression($this->clauses['WHERE'], true);
        }
        if ($this->filtersRows()) {
            $parts[] = $this->expression($this->withoutAliases($this->clauses['HAVING']), true);
        }
        $isOne = count($parts) === 1;
        return $parts === [] ? '' : ' WHERE ' . ($isOne ? $parts[0] : '(' . implode(') AND (', $parts) . ')');
    }

    /** Without groups, HAVING is a second WHERE that may use names of the result. */
    private function filtersRows(): bool
    {
        return isset($this->clauses['HAVING']) && ($this->clauses['GROUP'] ?? []) === [] && !$this->isAggregate();
    }

    private function withoutAliases(array $tokens): array
    {
        foreach ($tokens as $at => $token) {
            foreach ($this->items as [$expression, $alias]) {
                $isNamed = $alias !== '' && $token->isName() && strcasecmp($token->text, $alias) === 0;
                if ($isNamed && !($tokens[$at + 1] ?? $token)->isSymbol('.')) {
                    $tokens[$at] = new Token(Kind::Group, '', $expression);
                }
            }
        }
        return $tokens;
    }

    private function order(): string
    {
        $order = Tokens::split($this->clauses['ORDER'] ?? []);
        if ($order === [] || ($this->isAggregate() && $this->groups === [])) {
            return '';   // one row
        }
        if ($this->isDistinct && !$this->lists($order)) {
            $this->groupInstead();   // of groups that there are, rows are as good as never the same
        }
        return ' ORDER BY ' . implode(', ', array_map($this->orderItem(...), $order));
    }

    /** Whether all that it is ordered by is in the result. */
    private function lists(array $order): bool
    {
        foreach ($order as $item) {
            [$expression] = self::direction($item);
            $column = Tokens::column($expression);
            $isListed = array_filter($this->items, function ($item) use ($expression, $column) {
                [$listed, $alias] = $item;
                $star = Tokens::column($listed);
                return $this->normal($listed) === $this->normal($expression)
                    || ($column && $alias !== '' && $column === ['', strtolower($alias)])
                    || ($column && $star && $star[1] === '*' && in_array($star[0], ['', $column[0], $this->tableWith($column[1])], true))
                    || ($column && $star && $star[1] === $column[1] && in_array('', [$star[0], $column[0]], true));
            });
            if ($isListed === [] && $expression[0]->kind !== Kind::Number) {
                return false;
            }
        }
        return true;
    }

    /** What DISTINCT does, as a GROUP BY of all that is listed. */
    private function groupInstead(): void
    {
        $this->isDistinct = false;
        if ($this->groups !== []) {
            return;
        }
        $items = [];
        foreach ($this->items as $item) {
            $column = Tokens::column($item[0]);
            if (!$column || $column[1] !== '*') {
                $items[] = $item;
                continue;
            }
            foreach ($this->columnsOf($column[0]) as [$name, $one]) {
                $items[] = [[new Token(Kind::Name, $name), new Token(Kind::Symbol, '.'), new Token(Kind::Name, $one->name)], ''];
                $this->names[$one->key] = $one->name;
            }
        }
        $this->items = $items;
        $this->groups = array_values(array_filter(array_column($items, 0), fn ($expression) => !self::isConstant($expression)));
    }

    private function orderItem(array $tokens): string
    {
        [$expression, $isDescending] = self::direction($tokens);
        $column = Tokens::column($expression);
        $sql = $this->expression($expression);
        $isOfResult = $column && $column[0] === '' && isset($this->aliases()[$column[1]]);
        if ($this->groups !== [] && !$isOfResult && !$this->isSingle($expression, '') && $expression[0]->kind !== Kind::Number) {
            $sql = ($isDescending ? 'max' : 'min') . "($sql)";
        }
        // In MySQL NULL is the smallest. Of columns without NULLs nothing is said, so that their indexes can be used.
        $isNullable = !$column || ($this->schema->anyColumn($column[1])?->isNullable ?? true);
        return $sql . ($isDescending ? ' DESC' : ' ASC') . ($isNullable ? ($isDescending ? ' NULLS LAST' : ' NULLS FIRST') : '');
    }

    /** @return array<string, true> */
    private function aliases(): array
    {
        return array_fill_keys(array_map(fn ($item) => strtolower($item[1]), $this->items), true);
    }

    /** @return array{Token[], bool} */
    private static function direction(array $tokens): array
    {
        $has = end($tokens)->is('ASC', 'DESC');
        return [$has ? array_slice($tokens, 0, -1) : $tokens, end($tokens)->is('DESC')];
    }

    private function lock(): string
    {
        return isset($this->clauses['FOR']) ? ' FOR UPDATE' : (isset($this->clauses['LOCK']) ? ' FOR SHARE' : '');
    }

    private function expression(array $tokens, bool $isCondition = false): string
    {
        return Expression::translate($tokens, $this->schema, $this->select, $isCondition);
    }

    /** For comparing: `a`.`B` is a.b. */
    private function normal(array $tokens): string
    {
        return strtolower(str_replace('"', '', Tokens::sql($tokens)));
    }
}
