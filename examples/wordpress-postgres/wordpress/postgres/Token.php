<?php
namespace WordPressOnPostgres;

enum Kind
{
    case Word;    // a keyword, or a name without quotes
    case Name;    // a name in backticks
    case String;
    case Number;
    case Symbol;
    case Group;   // parentheses and what is between them
    case Done;    // PostgreSQL's text, not to be looked at again
}

/** A piece of a statement in MySQL's SQL. */
final class Token
{
    /** Stands for the byte 0, which PostgreSQL's text can't hold: no text may contain this code point. */
    private const NUL = "\u{10FFFE}";

    /**
     * @param string $text of a string or name: its value, without quotes and escapes
     * @param Token[] $inside of a group
     */
    public function __construct(
        public readonly Kind $kind,
        public readonly string $text = '',
        public readonly array $inside = [],
    ) {
    }

    public static function done(string $sql): self
    {
        return new self(Kind::Done, $sql);
    }

    public function is(string ...$words): bool
    {
        return $this->kind === Kind::Word && in_array(strtoupper($this->text), $words, true);
    }

    public function isSymbol(string ...$symbols): bool
    {
        return $this->kind === Kind::Symbol && in_array($this->text, $symbols, true);
    }

    public function isName(): bool
    {
        return $this->kind === Kind::Word || $this->kind === Kind::Name;
    }

    public function isSelect(): bool
    {
        return $this->kind === Kind::Group && $this->inside !== [] && $this->inside[0]->is('SELECT');
    }

    /** As PostgreSQL reads it. Names are lower-case there: MySQL's columns have no case. */
    public function sql(): string
    {
        return match ($this->kind) {
            Kind::Name => self::name($this->text),
            Kind::String => self::literal($this->text),
            Kind::Group => '(' . Tokens::sql($this->inside) . ')',
            default => $this->text,
        };
    }

    public static function name(string $name): string
    {
        return '"' . str_replace('"', '""', strtolower($name)) . '"';
    }

    /** As it is written, for names of results. */
    public static function exactName(string $name): string
    {
        return '"' . str_replace(['"', "\0"], ['""', self::NUL], $name) . '"';
    }

    public static function literal(string $value): string
    {
        return "'" . str_replace(["'", "\0"], ["''", self::NUL], $value) . "'";
    }

    /** A value that the database gave, as it was given to it. */
    public static function restored(string $value): string
    {
        return str_replace(self::NUL, "\0", $value);
    }
}
