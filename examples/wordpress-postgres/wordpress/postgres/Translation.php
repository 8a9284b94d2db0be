<?php
namespace WordPressOnPostgres;

/** What a statement is for PostgreSQL. */
final class Translation
{
    /**
     * @param string[] $statements the last one's result is the statement's
     * @param array<string, string> $names of the result's columns: {lower-case: as written}
     * @param string|null $all the rows that there would be without LIMIT
     * @param bool $givesId whether the result is the new row's value of the automatic column
     * @param bool $givesCount whether the result is the number of rows that changed
     * @param bool $changesTables whether tables are others afterwards
     * @param array<array<string, ?string>>|null $rows the result, where PostgreSQL need not be asked
     */
    public function __construct(
        public readonly array $statements,
        public readonly array $names = [],
        public readonly ?string $all = null,
        public readonly bool $givesId = false,
        public readonly bool $givesCount = false,
        public readonly bool $changesTables = false,
        public readonly ?array $rows = null,
    ) {
    }
}
