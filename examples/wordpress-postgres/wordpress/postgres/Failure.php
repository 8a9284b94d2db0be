<?php
namespace WordPressOnPostgres;

/** A statement that can't be carried out. Its message is what `$wpdb->last_error` says. */
final class Failure extends \Exception
{
}
