<?php
/** Makes $wpdb a PostgreSQL database. WordPress loads this by the drop-in wp-content/db.php, before it connects. */

spl_autoload_register(function (string $class): void {
    $name = explode('WordPressOnPostgres\\', $class)[1] ?? null;
    if ($name !== null && is_file(__DIR__ . "/$name.php")) {
        require __DIR__ . "/$name.php";
    }
});
require_once __DIR__ . '/Token.php';   // with Kind

if (defined('ABSPATH')) {
    $wpdb = new WordPressOnPostgres\Database(DB_USER, DB_PASSWORD, DB_NAME, DB_HOST);
}
