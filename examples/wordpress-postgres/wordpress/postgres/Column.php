<?php
namespace WordPressOnPostgres;

/** A column as MySQL defines it. PostgreSQL keeps the definition as the column's comment, so that it can be shown again. */
final class Column
{
    private const ZERO_TIME = '0000-00-00 00:00:00';

    public readonly string $key;   // its name in PostgreSQL

    public function __construct(
        public readonly string $name,
        public readonly string $type,
        public readonly bool $isNullable = true,
        public readonly ?string $default = null,
        public readonly bool $isAutomatic = false,
        public readonly bool $isPrimary = false,
        public readonly bool $isUnique = false,
    ) {
        $this->key = strtolower($name);
    }

    /** @param Token[] $tokens */
    public static function read(array $tokens): self
    {
        $type = strtolower($tokens[1]->text ?? 'text');
        $rest = array_slice($tokens, 2);
        if ($rest !== [] && $rest[0]->kind === Kind::Group) {
            $type .= str_replace(' ', '', array_shift($rest)->sql());
        }
        if ($rest !== [] && $rest[0]->is('UNSIGNED')) {
            $type .= ' unsigned';
        }
        $null = Tokens::find($rest, 'NULL');
        $default = Tokens::find($rest, 'DEFAULT');
        return new self(
            $tokens[0]->text,
            $type,
            !($null > 0 && $rest[$null - 1]->is('NOT')) && Tokens::find($rest, 'PRIMARY') === null,
            $default === null ? null : self::defaultOf(array_slice($rest, $default + 1)),
            Tokens::find($rest, 'AUTO_INCREMENT') !== null,
            Tokens::find($rest, 'PRIMARY') !== null,
            Tokens::find($rest, 'UNIQUE') !== null,
        );
    }

    /** @param Token[] $tokens */
    private static function defaultOf(array $tokens): ?string
    {
        $value = ($tokens[0]->isSymbol('-') ? '-' . $tokens[1]->text : $tokens[0]->text);
        return $tokens[0]->is('NULL') ? null : $value;
    }

    /** As MySQL writes it. */
    public function definition(): string
    {
        $sql = "`$this->name` $this->type" . ($this->isNullable ? '' : ' NOT NULL');
        if ($this->default !== null) {
            $sql .= " DEFAULT '" . addslashes($this->default) . "'";
        }
        return $sql . ($this->isAutomatic ? ' AUTO_INCREMENT' : '');
    }

    public function isInteger(): bool
    {
        return (bool) preg_match('/int\b|^bit|^bool/', $this->type);
    }

    public function isNumber(): bool
    {
        return $this->isInteger() || preg_match('/^(float|double|real|decimal|numeric)/', $this->type);
    }

    public function isTime(): bool
    {
        return (bool) preg_match('/^(datetime|timestamp)/', $this->type);
    }

    /** Points in time are text: 0000-00-00 is none that PostgreSQL knows. */
    public function postgresType(): string
    {
        return match (true) {
            $this->isInteger() => 'bigint',
            (bool) preg_match('/^(decimal|numeric)(\(.*\))?/', $this->type, $found) => 'numeric' . ($found[2] ?? ''),
            $this->isNumber() => 'double precision',
            $this->isTime() => 'varchar(19)',
            (bool) preg_match('/^(date|time|year)\b/', $this->type) => 'varchar(10)',
            (bool) preg_match('/^(?:var)?char\((\d+)\)/', $this->type, $found) => "varchar($found[1]) COLLATE public.mysql_ci",
            default => 'text',
        };
    }

    /** What an INSERT that does not name the column stores; MySQL, as WordPress sets it, needs no default for it. */
    public function postgresDefault(): ?string
    {
        if ($this->default !== null && str_starts_with(strtoupper($this->default), 'CURRENT_TIMESTAMP')) {
            return 'mysql.now()';
        }
        $implied = $this->isNumber() ? '0' : ($this->isTime() ? self::ZERO_TIME : '');
        $value = $this->default ?? ($this->isNullable ? null : $implied);
        return $value === null ? null : $this->stored(new Token(Kind::String, $value))->sql();
    }

    public function postgresDefinition(): string
    {
        if ($this->isAutomatic) {
            return Token::name($this->key) . ' bigserial';
        }
        $default = $this->postgresDefault();
        return Token::name($this->key) . ' ' . $this->postgresType()
            . ($this->isNullable ? '' : ' NOT NULL') . ($default === null ? '' : " DEFAULT $default");
    }

    /** A literal as MySQL would store it here: text for a number is as much of a number as it begins with. */
    public function stored(Token $token): Token
    {
        if ($token->kind !== Kind::String) {
            return $token;
        }
        if ($this->isNumber()) {
            return $this->compared($token);
        }
        if ($this->isTime()) {
            $isDate = (bool) preg_match('/^\d{4}-\d\d-\d\d$/', $token->text);
            return new Token(Kind::String, $token->text === '' ? self::ZERO_TIME : $token->text . ($isDate ? ' 00:00:00' : ''));
        }
        return $token;
    }

    /** A literal as MySQL would compare it with this column. */
    public function compared(Token $token): Token
    {
        if ($token->kind !== Kind::String || !$this->isNumber() || preg_match('/^-?\d{1,18}$/', $token->text)) {
            return $token;
        }
        return self::number($token);
    }

    /** Text as a number: as much of one as it begins with, else 0. */
    public static function number(Token $token): Token
    {
        preg_match('/^\s*\+?(-?\d+(\.\d*)?([eE][-+]?\d+)?)/', $token->text, $found);
        return new Token(Kind::Number, $found[1] ?? '0');
    }
}
