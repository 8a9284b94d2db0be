<?php
namespace WordPressOnPostgres;

/** What is done with lists of tokens. All look at the list itself only, never into its groups, where not said so. */
final class Tokens
{
    private const AGGREGATES = ['COUNT', 'SUM', 'MIN', 'MAX', 'AVG', 'GROUP_CONCAT'];

    /** @param Token[] $tokens */
    public static function sql(array $tokens): string
    {
        return implode(' ', array_map(fn (Token $token) => $token->sql(), $tokens));
    }

    /**
     * What MySQL calls a column of a result that is an expression: its text, as much as PostgreSQL takes for a name.
     *
     * @param Token[] $tokens
     */
    public static function written(array $tokens): string
    {
        $text = '';
        foreach ($tokens as $token) {
            $isApart = $token->isName() && preg_match('/\w$/', $text);
            $text .= ($isApart ? ' ' : '') . ($token->kind === Kind::Group ? '(' . self::written($token->inside) . ')' : $token->text);
        }
        return $text === '' ? '?' : mb_strcut($text, 0, 63);
    }

    /**
     * @param Token[] $tokens
     * @return Token[][] none where there are no tokens
     */
    public static function split(array $tokens, string $symbol = ','): array
    {
        if ($tokens === []) {
            return [];
        }
        $parts = [[]];
        foreach ($tokens as $token) {
            if ($token->isSymbol($symbol)) {
                $parts[] = [];
            } else {
                $parts[array_key_last($parts)][] = $token;
            }
        }
        return $parts;
    }

    /**
     * The position of the first of these words.
     *
     * @param Token[] $tokens
     */
    public static function find(array $tokens, string ...$words): ?int
    {
        foreach ($tokens as $at => $token) {
            if ($token->is(...$words)) {
                return $at;
            }
        }
        return null;
    }

    /**
     * The tokens after each of the words that begin clauses; '' = those before all. "BY" goes with its GROUP or ORDER.
     *
     * @param Token[] $tokens
     * @param string[] $words
     * @return array<string, Token[]>
     */
    public static function clauses(array $tokens, array $words): array
    {
        $clauses = ['' => []];
        $current = '';
        foreach ($tokens as $at => $token) {
            if ($token->is(...$words) && !isset($clauses[strtoupper($token->text)])) {
                $current = strtoupper($token->text);
                $clauses[$current] = [];
            } elseif (!$token->is('BY') || !$tokens[$at - 1]->is('GROUP', 'ORDER')) {
                $clauses[$current][] = $token;
            }
        }
        return $clauses;
    }

    /**
     * Whether it counts or sums over rows; in its groups too, but not in a SELECT of its own.
     *
     * @param Token[] $tokens
     */
    public static function aggregates(array $tokens): bool
    {
        foreach ($tokens as $at => $token) {
            if ($token->kind !== Kind::Group || $token->isSelect()) {
                continue;
            }
            if (($tokens[$at - 1] ?? $token)->is(...self::AGGREGATES) || self::aggregates($token->inside)) {
                return true;
            }
        }
        return false;
    }

    /**
     * [qualifier or '', column] where this is nothing but a column ("*": all), else null.
     *
     * @param Token[] $tokens
     * @return array{string, string}|null
     */
    public static function column(array $tokens): ?array
    {
        $names = self::split($tokens, '.');
        $qualifier = '';
        foreach ($names as $at => $name) {
            $isLast = $at === count($names) - 1;
            $one = count($name) === 1 ? $name[0] : new Token(Kind::Symbol);
            $isName = $one->isName() && !$one->is('NULL', 'TRUE', 'FALSE', 'DEFAULT');
            if (!$isName && !($isLast && $one->isSymbol('*'))) {
                return null;
            }
            $qualifier = $isLast ? $qualifier : strtolower($name[0]->text);
        }
        return $names === [] ? null : [$qualifier, strtolower(end($names)[0]->text)];
    }
}
