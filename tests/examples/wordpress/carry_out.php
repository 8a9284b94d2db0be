<?php
// In a container of the example: sets WordPress up in the database of WORDPRESS_DB_NAME, then carries out statements as
// WordPress would. In: {"install": bool, "statements": […]}; out, after a line "---": what each of them gave.
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = 'blog.example';
$_SERVER['REQUEST_URI'] = '/';
$asked = json_decode(file_get_contents('php://stdin'), true);
define('SHORTINIT', !$asked['install']);   // no more than the database: statements may leave WordPress nothing to start from
require '/var/www/html/wp-load.php';

$told = ['answers' => []];
if ($asked['install']) {
    require_once ABSPATH . 'wp-admin/includes/upgrade.php';
    add_filter('pre_wp_mail', '__return_true');
    wp_install('The Reef', 'Captain', 'captain@example.com', false, '', 'secret');
    $told['users'] = $wpdb->get_col("SELECT user_login FROM $wpdb->users");
    $told['tables'] = $wpdb->get_col('SHOW TABLES');
    // What WordPress would change, were its tables not as it wants them.
    $told['changes'] = dbDelta(wp_get_db_schema('all'), false);
}
$wpdb->suppress_errors();
foreach ($asked['statements'] as $statement) {
    $result = $wpdb->query($statement);
    $told['answers'][] = [
        'result' => $result, 'error' => $wpdb->last_error, 'rows' => $wpdb->last_result, 'id' => $wpdb->insert_id,
    ];
}
echo "---\n", json_encode($told);
