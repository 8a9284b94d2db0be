<?php
namespace WordPressOnPostgres;

/** Rewrites expressions, and whatever else has them in it: token by token, into tokens of PostgreSQL's SQL. */
final class Expression
{
    private const SYMBOLS = ['&&' => 'AND', '||' => 'OR', '<=>' => 'IS NOT DISTINCT FROM', '!' => 'NOT'];
    private const WORDS = ['DIV' => '/', 'MOD' => '%', 'RLIKE' => 'REGEXP', 'STRAIGHT_JOIN' => 'JOIN', 'CURRENT_TIMESTAMP' => 'now()'];
    private const COMPARISONS = ['=', '!=', '<>', '<', '<=', '>', '>=', '<=>'];
    private const CALCULATIONS = ['+', '-', '*', '/', '%'];
    /** Patterns ignore case by themselves. The collation that ignores it for everything else can't be used with them. */
    private const ANY_CASE = 'COLLATE "default"';
    private const CASTS = [
        'SIGNED' => 'mysql.to_integer(%s)', 'UNSIGNED' => 'mysql.to_integer(%s)', 'CHAR' => 'CAST(%s AS text)',
        'BINARY' => 'CAST(%s AS text) COLLATE "C"', 'DATETIME' => 'mysql.to_datetime(%s)', 'DATE' => 'mysql.to_date(%s)',
        'TIME' => 'mysql.to_time(%s)', 'DECIMAL' => 'CAST(mysql.to_number(%s) AS numeric%s)',
        'NUMERIC' => 'CAST(mysql.to_number(%s) AS numeric%s)', 'DOUBLE' => 'mysql.to_number(%s)', 'FLOAT' => 'mysql.to_number(%s)',
    ];

    /** @var Token[] */
    private array $tokens;
    /** @var Token[] */
    private array $done = [];
    private int $at = 0;
    private bool $isInBetween = false;
    private int $limitAt = -1;   // of the AND that goes with the last BETWEEN

    /** @param \Closure(Token[]): string $select translates a SELECT within the expression */
    private function __construct(array $tokens, private readonly Schema $schema, private readonly \Closure $select)
    {
        $this->tokens = $tokens;
    }

    /**
     * @param Token[] $tokens
     * @param \Closure(Token[]): string $select
     */
    public static function translate(array $tokens, Schema $schema, \Closure $select, bool $isCondition = false): string
    {
        $expression = new self($tokens, $schema, $select);
        return Tokens::sql($expression->rewrite($isCondition));
    }

    /** @return Token[] */
    private function rewrite(bool $isCondition): array
    {
        for ($this->at = 0; $this->at < count($this->tokens); $this->at++) {
            $token = $this->tokens[$this->at];
            $before = $this->at === 0 ? null : $this->tokens[$this->at - 1];
            match ($token->kind) {
                Kind::Group => $this->group($token, $before, $isCondition),
                Kind::Word => $this->word($token),
                Kind::String => $this->done[] = $this->string($token, $before),
                Kind::Number => $this->number($token, $before, $isCondition),
                Kind::Symbol => $this->done[] = Token::done(self::SYMBOLS[$token->text] ?? $token->text),
                default => $this->done[] = $token,
            };
        }
        return $this->done;
    }

    private function peek(int $steps = 1): ?Token
    {
        return $this->tokens[$this->at + $steps] ?? null;
    }

    private function word(Token $token): void
    {
        $word = self::WORDS[strtoupper($token->text)] ?? strtoupper($token->text);
        $next = $this->peek();
        if ($word === 'NOT' && $next?->is('LIKE', 'REGEXP', 'RLIKE')) {
            $this->at++;
            $this->pattern(strtoupper($next->text), 'NOT ', '!');
        } elseif ($word === 'LIKE' || $word === 'REGEXP') {
            $this->pattern($word, '', '');
        } elseif ($word === 'INTERVAL' && $this->interval()) {
            return;
        } elseif (in_array($word, ['USE', 'FORCE', 'IGNORE'], true) && $next?->is('INDEX', 'KEY')) {
            $this->at += 2;   // a hint, and the indexes it names
        } elseif ($word === 'BINARY' && $next?->kind !== Kind::Group) {
            return;
        } elseif (strtolower($token->text) === 'information_schema' && $next?->isSymbol('.')) {
            $this->at += 2;
            $this->done[] = Token::done('mysql.' . strtolower($this->tokens[$this->at]->text));
        } else {
            if ($word === 'AND' && $this->isInBetween) {
                $this->limitAt = $this->at;
            }
            $this->isInBetween = $word === 'BETWEEN' || ($this->isInBetween && $word !== 'AND');
            $this->done[] = isset(self::WORDS[strtoupper($token->text)]) ? Token::done($word) : $token;
        }
    }

    private function pattern(string $word, string $not, string $notSymbol): void
    {
        $isExact = $this->peek()?->is('BINARY');
        $this->at += $isExact ? 1 : 0;
        $operator = $word === 'LIKE' ? $not . ($isExact ? 'LIKE' : 'ILIKE') : $notSymbol . ($isExact ? '~' : '~*');
        $this->done[] = Token::done(self::ANY_CASE . " $operator");
    }

    /** "INTERVAL amount UNIT"; not where it is a name. */
    private function interval(): bool
    {
        $unit = $this->at + 2;
        while ($unit < count($this->tokens) && !$this->tokens[$unit]->is(
            'SECOND', 'MINUTE', 'HOUR', 'DAY', 'WEEK', 'MONTH', 'YEAR', 'HOUR_MINUTE', 'HOUR_SECOND', 'MINUTE_SECOND'
        )) {
            $unit++;
        }
        if ($unit >= count($this->tokens)) {
            return false;
        }
        $amount = $this->sub(array_slice($this->tokens, $this->at + 1, $unit - $this->at - 1));
        $this->done[] = Token::done("mysql.\"interval\"(CAST($amount AS text), '" . strtolower($this->tokens[$unit]->text) . "')");
        $this->at = $unit;
        return true;
    }

    /** Text beside a number, or something that is calculated with, is a number. */
    private function string(Token $token, ?Token $before): Token
    {
        $isNumber = $this->makesNumber($before, $this->tokens[$this->at - 2] ?? null) || $this->makesNumber($this->peek(), $this->peek(2));
        return $isNumber ? Column::number($token) : $this->comparedColumn($before)?->compared($token) ?? $token;
    }

    private function makesNumber(?Token $operator, ?Token $other): bool
    {
        return $operator !== null && $other !== null && match (true) {
            $operator->isSymbol(...self::CALCULATIONS) => !$other->is('INTERVAL'),
            $operator->isSymbol(...self::COMPARISONS) => $other->kind === Kind::Number,
            default => false,
        };
    }

    /** A number is a condition where nothing compares it. */
    private function number(Token $token, ?Token $before, bool $isCondition): void
    {
        $after = $this->peek();
        $begins = $before === null ? $isCondition : $before->is('AND', 'OR', 'NOT', 'ON') && $this->limitAt !== $this->at - 1;
        $ends = $after === null || $after->is('AND', 'OR', 'GROUP', 'ORDER', 'LIMIT');
        $this->done[] = $begins && $ends ? Token::done((float) $token->text == 0 ? 'FALSE' : 'TRUE') : $token;
    }

    private function group(Token $group, ?Token $before, bool $isCondition): void
    {
        if ($group->isSelect()) {
            $this->done[] = Token::done('(' . ($this->select)($group->inside) . ')');
        } elseif ($before?->is('CAST', 'CONVERT')) {
            array_pop($this->done);
            $this->done[] = Token::done($this->cast($group->inside));
        } elseif ($before?->is('GROUP_CONCAT')) {
            array_pop($this->done);
            $this->done[] = Token::done($this->concatenation($group->inside));
        } elseif ($before?->is('COUNT') && ($group->inside[0] ?? null)?->is('DISTINCT') && count(Tokens::split($group->inside)) > 1) {
            $this->done[] = Token::done('(DISTINCT (' . $this->sub(array_slice($group->inside, 1)) . '))');
        } else {
            $isNested = $before === null ? $isCondition : $before->is('AND', 'OR', 'NOT', 'ON');
            $inside = $before?->is('IN') ? $this->listCompared($group->inside) : $group->inside;
            $this->done[] = Token::done('(' . $this->sub($inside, $isNested) . ')');
        }
    }

    /** @param Token[] $tokens "expression AS TYPE", or "expression, TYPE" */
    private function cast(array $tokens): string
    {
        $at = Tokens::find($tokens, 'AS') ?? count($tokens) - 2;
        $value = $this->sub(array_slice($tokens, 0, $at));
        $type = strtoupper($tokens[$at + 1]->text ?? '');
        $size = ($tokens[$at + 2] ?? null)?->kind === Kind::Group ? $tokens[$at + 2]->sql() : '';
        if (!isset(self::CASTS[$type])) {
            return $value;   // CONVERT(… USING charset): there is one character set
        }
        return sprintf(self::CASTS[$type], $value, $size);
    }

    /** @param Token[] $tokens "[DISTINCT] expression [ORDER BY …] [SEPARATOR '…']" */
    private function concatenation(array $tokens): string
    {
        $clauses = Tokens::clauses($tokens, ['DISTINCT', 'ORDER', 'SEPARATOR']);
        $values = $clauses['DISTINCT'] ?? $clauses[''];
        $separator = ($clauses['SEPARATOR'][0] ?? new Token(Kind::String, ','))->sql();
        $value = implode(' || ', array_map(fn ($part) => 'CAST(' . $this->sub($part) . ' AS text)', Tokens::split($values)));
        $order = array_map(function ($part) {
            $direction = end($part)->is('ASC', 'DESC') ? ' ' . array_pop($part)->text : '';
            return 'CAST(' . $this->sub($part) . " AS text)$direction";
        }, Tokens::split($clauses['ORDER'] ?? []));
        $order = $order === [] ? '' : ' ORDER BY ' . implode(', ', $order);
        return 'string_agg(' . (isset($clauses['DISTINCT']) ? 'DISTINCT ' : '') . "$value, $separator$order)";
    }

    /** The column left of a comparison whose right side begins here. */
    private function comparedColumn(?Token $before): ?Column
    {
        $isCompared = $before && ($before->isSymbol(...self::COMPARISONS) || $before->is('BETWEEN'));
        $left = $isCompared ? ($this->tokens[$this->at - 2] ?? null) : null;
        return $left?->isName() ? $this->schema->anyColumn($left->text) : null;
    }

    /**
     * @param Token[] $tokens
     * @return Token[]
     */
    private function listCompared(array $tokens): array
    {
        $left = $this->tokens[$this->at - 2] ?? null;
        $left = $left?->is('NOT') ? ($this->tokens[$this->at - 3] ?? null) : $left;
        $column = $left?->isName() ? $this->schema->anyColumn($left->text) : null;
        return $column === null ? $tokens : array_map($column->compared(...), $tokens);
    }

    /** @param Token[] $tokens */
    private function sub(array $tokens, bool $isCondition = false): string
    {
        return self::translate($tokens, $this->schema, $this->select, $isCondition);
    }
}
