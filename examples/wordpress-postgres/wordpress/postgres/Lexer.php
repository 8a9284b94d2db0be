<?php
namespace WordPressOnPostgres;

/** Reads MySQL's SQL into tokens. Source: MySQL 8.0 Reference Manual, "Language Structure". */
final class Lexer
{
    private const SPACE = '~\G(?:\s++|--(?=\s|$)[^\n]*+|\#[^\n]*+|/\*.*?\*/)++~s';
    private const NUMBER = '~\G(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?(?![\w$])~';
    private const WORD = '~\G@{0,2}[\w$\x80-\xff]++~';
    private const SYMBOL = '~\G(?:<=>|<=|>=|<>|!=|:=|&&|\|\||<<|>>|.)~s';
    /** What a backslash makes of a character in a string; of others it makes nothing. */
    private const ESCAPES = [
        '0' => "\0", 'b' => "\x08", 'n' => "\n", 'r' => "\r", 't' => "\t", 'Z' => "\x1a", '%' => '\%', '_' => '\_',
    ];

    private int $at = 0;

    private function __construct(private readonly string $sql)
    {
    }

    /**
     * @return Token[]
     * @throws Failure
     */
    public static function read(string $sql): array
    {
        $lexer = new self($sql);
        $outer = [];
        $tokens = [];
        while (($token = $lexer->next()) !== null) {
            if ($token->isSymbol('(')) {
                $outer[] = $tokens;
                $tokens = [];
            } elseif ($token->isSymbol(')')) {
                if ($outer === []) {
                    throw new Failure('a parenthesis is closed that was never opened');
                }
                $group = new Token(Kind::Group, '', $tokens);
                $tokens = array_pop($outer);
                $tokens[] = $group;
            } elseif ($token->kind === Kind::String && $tokens !== [] && end($tokens)->kind === Kind::String) {
                $tokens[] = new Token(Kind::String, array_pop($tokens)->text . $token->text);   // 'one' 'value'
            } else {
                $tokens[] = $token;
            }
        }
        if ($outer !== []) {
            throw new Failure('a parenthesis is never closed');
        }
        while ($tokens !== [] && end($tokens)->isSymbol(';')) {
            array_pop($tokens);
        }
        return $tokens;
    }

    private function next(): ?Token
    {
        $this->take(self::SPACE);
        if ($this->at >= strlen($this->sql)) {
            return null;
        }
        $first = $this->sql[$this->at];
        if ($first === "'" || $first === '"') {
            return new Token(Kind::String, $this->quoted($first));
        }
        if ($first === '`') {
            return new Token(Kind::Name, $this->quoted($first));
        }
        if (($text = $this->take(self::NUMBER)) !== '') {
            return new Token(Kind::Number, $text);
        }
        if (($text = $this->take(self::WORD)) !== '') {
            return new Token(Kind::Word, $text);
        }
        return new Token(Kind::Symbol, $this->take(self::SYMBOL));
    }

    private function take(string $pattern): string
    {
        if (!preg_match($pattern, $this->sql, $found, 0, $this->at)) {
            return '';
        }
        $this->at += strlen($found[0]);
        return $found[0];
    }

    /** The value between two quotes; by hand, for values may be megabytes, which is too much for a pattern. */
    private function quoted(string $quote): string
    {
        $stops = $quote === '`' ? '`' : "$quote\\";
        $value = '';
        $this->at++;
        while ($this->at < strlen($this->sql)) {
            $length = strcspn($this->sql, $stops, $this->at);
            $value .= substr($this->sql, $this->at, $length);
            $this->at += $length + 2;
            $stop = $this->sql[$this->at - 2] ?? '';
            $following = $this->sql[$this->at - 1] ?? '';
            if ($stop === '\\') {
                $value .= self::ESCAPES[$following] ?? $following;
            } elseif ($stop === $quote && $following === $quote) {
                $value .= $quote;
            } elseif ($stop === $quote) {
                $this->at--;
                return $value;
            }
        }
        throw new Failure('a quote is never closed');
    }
}
