SET NAMES utf8mb4
SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_520_ci'
SELECT @@SESSION.sql_mode
SET SESSION sql_mode='NO_ENGINE_SUBSTITUTION'
create database wordpress
create user 'wordpress'@'localhost' identified by 'secret'
grant all on wordpress.* to 'wordpress'@'localhost'
SELECT option_name, option_value FROM wp_options WHERE autoload = 'yes'
SELECT option_name, option_value FROM wp_options
SELECT option_value FROM wp_options WHERE option_name = 'siteurl'
DESCRIBE wp_users;
DESCRIBE wp_usermeta;
DESCRIBE wp_posts;
DESCRIBE wp_comments;
DESCRIBE wp_links;
DESCRIBE wp_options;
DESCRIBE wp_postmeta;
DESCRIBE wp_terms;
DESCRIBE wp_term_taxonomy;
DESCRIBE wp_term_relationships;
DESCRIBE wp_termmeta;
DESCRIBE wp_commentmeta;
SELECT option_value FROM wp_options WHERE option_name = 'siteurl' LIMIT 1
SHOW TABLES LIKE 'wp\\_users'
SELECT option_name FROM wp_options WHERE option_name in ( 'siteurl', 'home', 'blogname', 'blogdescription', 'users_can_register', 'admin_email', 'start_of_week', 'use_balanceTags', 'use_smilies', 'require_name_email', 'comments_notify', 'posts_per_rss' )
SHOW FULL COLUMNS FROM `wp_options`
INSERT INTO wp_options (option_name, option_value, autoload) VALUES ('siteurl', 'http://blog.example', 'yes'), ('home', 'http://blog.example', 'yes'), ('blogname', 'My Site', 'yes'), ('blogdescription', '', 'yes'), ('users_can_register', '0', 'yes'), ('admin_email', 'you@example.com', 'yes'), ('start_of_week', '1', 'yes'), ('use_balanceTags', '0', 'yes'), ('use_smilies', '1', 'yes'), ('require_name_email', '1', 'yes'), ('comments_notify', '1', 'yes'), ('posts_per_rss', '10', 'yes')
SELECT autoload FROM wp_options WHERE option_name = 'blodotgsping_url'
DELETE FROM wp_options WHERE option_name REGEXP '^rss_[0-9a-f]{32}(_ts)?$'
DELETE a, b FROM wp_options a, wp_options b WHERE a.option_name LIKE '\\_transient\\_%' AND a.option_name NOT LIKE '\\_transient\\_timeout\\_%' AND b.option_name = CONCAT( '_transient_timeout_', SUBSTRING( a.option_name, 12 ) ) AND b.option_value < 1795377008
INSERT INTO `wp_options` (`option_name`, `option_value`, `autoload`) VALUES ('wp_user_roles', 'A long text, as long as it is.', 'yes') ON DUPLICATE KEY UPDATE `option_name` = VALUES(`option_name`), `option_value` = VALUES(`option_value`), `autoload` = VALUES(`autoload`)
UPDATE `wp_options` SET `option_value` = 'A long text, as long as it is.' WHERE `option_name` = 'wp_user_roles'
SELECT * FROM wp_users WHERE user_login = 'Captain' LIMIT 1
SELECT ID FROM wp_users WHERE user_nicename = 'captain' AND user_login != 'Captain' LIMIT 1
SELECT * FROM wp_users WHERE user_email = 'captain@example.com' LIMIT 1
SHOW FULL COLUMNS FROM `wp_users`
INSERT INTO `wp_users` (`user_pass`, `user_nicename`, `user_email`, `user_url`, `user_registered`, `user_activation_key`, `display_name`, `user_login`) VALUES ('$P$BF7bRK.4d6dFiuS6iJtG0BOAQkynm.1', 'captain', 'captain@example.com', '', '2026-11-22 19:50:08', '', 'Captain', 'Captain')
SELECT * FROM wp_users WHERE ID = '1' LIMIT 1
SELECT user_id, meta_key, meta_value FROM wp_usermeta WHERE user_id IN (1) ORDER BY umeta_id ASC
SELECT umeta_id FROM wp_usermeta WHERE meta_key = 'nickname' AND user_id = 1
SHOW FULL COLUMNS FROM `wp_usermeta`
INSERT INTO `wp_usermeta` (`user_id`, `meta_key`, `meta_value`) VALUES (1, 'nickname', 'Captain')
SELECT COUNT(ID) as c FROM wp_users
UPDATE `wp_usermeta` SET `meta_value` = 'a:1:{s:13:\"administrator\";b:1;}' WHERE `user_id` = 1 AND `meta_key` = 'wp_capabilities'
UPDATE `wp_users` SET `user_pass` = '$P$BF7bRK.4d6dFiuS6iJtG0BOAQkynm.1', `user_nicename` = 'captain', `user_email` = 'captain@example.com', `user_url` = 'http://blog.example', `user_registered` = '2026-11-22 19:50:08', `user_activation_key` = '', `display_name` = 'Captain' WHERE `ID` = 1
SHOW FULL COLUMNS FROM `wp_terms`
INSERT INTO `wp_terms` (`term_id`, `name`, `slug`, `term_group`) VALUES (1, 'Uncategorized', 'uncategorized', 0)
SHOW FULL COLUMNS FROM `wp_term_taxonomy`
INSERT INTO `wp_term_taxonomy` (`term_id`, `taxonomy`, `description`, `parent`, `count`) VALUES (1, 'category', '', 0, 1)
SHOW FULL COLUMNS FROM `wp_posts`
INSERT INTO `wp_posts` (`post_author`, `post_date`, `post_date_gmt`, `post_content`, `post_excerpt`, `post_title`, `post_name`, `post_modified`, `post_modified_gmt`, `guid`, `comment_count`, `to_ping`, `pinged`, `post_content_filtered`) VALUES (1, '2026-11-22 19:50:08', '2026-11-22 19:50:08', 'A long text, as long as it is.', '', 'Hello world!', 'hello-world', '2026-11-22 19:50:08', '2026-11-22 19:50:08', 'http://blog.example/?p=1', 1, '', '', '')
INSERT INTO `wp_term_relationships` (`term_taxonomy_id`, `object_id`) VALUES (1, 1)
SHOW FULL COLUMNS FROM `wp_comments`
INSERT INTO `wp_comments` (`comment_post_ID`, `comment_author`, `comment_author_email`, `comment_author_url`, `comment_date`, `comment_date_gmt`, `comment_content`, `comment_type`) VALUES (1, 'A WordPress Commenter', 'wapuu@wordpress.example', 'https://wordpress.org/', '2026-11-22 19:50:08', '2026-11-22 19:50:08', 'A long text, as long as it is.', 'comment')
INSERT INTO `wp_posts` (`post_author`, `post_date`, `post_date_gmt`, `post_content`, `post_excerpt`, `comment_status`, `post_title`, `post_name`, `post_modified`, `post_modified_gmt`, `guid`, `post_type`, `to_ping`, `pinged`, `post_content_filtered`) VALUES (1, '2026-11-22 19:50:08', '2026-11-22 19:50:08', 'A long text, as long as it is.', '', 'closed', 'Sample Page', 'sample-page', '2026-11-22 19:50:08', '2026-11-22 19:50:08', 'http://blog.example/?page_id=2', 'page', '', '', '')
SHOW FULL COLUMNS FROM `wp_postmeta`
INSERT INTO `wp_postmeta` (`post_id`, `meta_key`, `meta_value`) VALUES (2, '_wp_page_template', 'default')
INSERT INTO `wp_posts` (`post_author`, `post_date`, `post_date_gmt`, `post_content`, `post_excerpt`, `comment_status`, `post_title`, `post_name`, `post_modified`, `post_modified_gmt`, `guid`, `post_type`, `post_status`, `to_ping`, `pinged`, `post_content_filtered`) VALUES (1, '2026-11-22 19:50:08', '2026-11-22 19:50:08', 'A long text, as long as it is.', '', 'closed', 'Privacy Policy', 'privacy-policy', '2026-11-22 19:50:08', '2026-11-22 19:50:08', 'http://blog.example/?page_id=3', 'page', 'draft', '', '', '')
SELECT ID, post_name, post_parent, post_type FROM wp_posts WHERE post_name IN ('hello-world') AND post_type IN ('post','attachment')
SELECT * FROM wp_posts WHERE ID = 1 LIMIT 1
UPDATE wp_options set option_value = '' where option_name = 'upload_path'
SELECT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE tt.taxonomy IN ('wp_theme') AND t.name IN ('twentytwentythree') LIMIT 1
SELECT wp_posts.* FROM wp_posts WHERE 1=1 AND ( 0 = 1 ) AND wp_posts.post_type = 'wp_template_part' AND ((wp_posts.post_status = 'publish')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC
SELECT wp_posts.ID FROM wp_posts WHERE 1=1 AND ( 0 = 1 ) AND wp_posts.post_type = 'wp_global_styles' AND ((wp_posts.post_status = 'publish')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC LIMIT 0, 1
SELECT COUNT(*) FROM wp_comments WHERE ( comment_approved = '1' ) ORDER BY wp_comments.comment_date_gmt DESC
SELECT post_id, meta_key, meta_value FROM wp_postmeta WHERE post_id IN (3) ORDER BY meta_id ASC
SELECT post_status, COUNT( * ) AS num_posts FROM wp_posts WHERE post_type = 'post' GROUP BY post_status
SELECT wp_posts.ID FROM wp_posts WHERE 1=1 AND wp_posts.post_type = 'post' AND ((wp_posts.post_status = 'future')) ORDER BY wp_posts.post_date ASC LIMIT 0, 5
SELECT wp_posts.ID FROM wp_posts WHERE 1=1 AND wp_posts.post_type = 'post' AND ((wp_posts.post_status = 'publish')) ORDER BY wp_posts.post_date DESC LIMIT 0, 5
SELECT wp_posts.* FROM wp_posts WHERE ID IN (1)
SELECT DISTINCT t.term_id, tr.object_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id INNER JOIN wp_term_relationships AS tr ON tr.term_taxonomy_id = tt.term_taxonomy_id WHERE tt.taxonomy IN ('category', 'post_tag', 'post_format') AND tr.object_id IN (1) ORDER BY t.name ASC
SELECT t.*, tt.* FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE t.term_id IN (1)
SELECT wp_comments.comment_ID FROM wp_comments WHERE ( ( comment_approved = '0' OR comment_approved = '1' ) ) ORDER BY wp_comments.comment_date_gmt DESC LIMIT 0,25
SELECT wp_comments.* FROM wp_comments WHERE comment_ID IN (1)
SELECT comment_id, meta_key, meta_value FROM wp_commentmeta WHERE comment_id IN (1) ORDER BY meta_id ASC
SELECT COUNT(*) FROM wp_comments WHERE ( ( comment_approved = '0' OR comment_approved = '1' ) ) AND user_id = 1 ORDER BY wp_comments.comment_date_gmt DESC
INSERT INTO `wp_posts` (`post_author`, `post_date`, `post_date_gmt`, `post_content`, `post_content_filtered`, `post_title`, `post_excerpt`, `post_status`, `post_type`, `comment_status`, `ping_status`, `post_password`, `post_name`, `to_ping`, `pinged`, `post_modified`, `post_modified_gmt`, `post_parent`, `menu_order`, `post_mime_type`, `guid`) VALUES (1, '2026-11-22 19:50:10', '0000-00-00 00:00:00', '', '', 'Auto Draft', '', 'auto-draft', 'post', 'open', 'open', '', '', '', '', '2026-11-22 19:50:10', '0000-00-00 00:00:00', 0, 0, '', '')
SELECT DISTINCT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id INNER JOIN wp_term_relationships AS tr ON tr.term_taxonomy_id = tt.term_taxonomy_id WHERE tt.taxonomy IN ('category') AND tr.object_id IN (4)
UPDATE `wp_posts` SET `guid` = 'http://blog.example/?p=4' WHERE `ID` = 4
SELECT DISTINCT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id INNER JOIN wp_term_relationships AS tr ON tr.term_taxonomy_id = tt.term_taxonomy_id WHERE tt.taxonomy IN ('category') AND tr.object_id IN (4) ORDER BY t.name ASC
SELECT wp_posts.ID FROM wp_posts WHERE 1=1 AND wp_posts.post_author IN (1) AND wp_posts.post_type = 'post' AND ((wp_posts.post_status = 'draft')) ORDER BY wp_posts.post_modified DESC LIMIT 0, 4
SELECT SQL_CALC_FOUND_ROWS wp_posts.ID FROM wp_posts WHERE 1=1 AND wp_posts.post_parent = 5 AND wp_posts.post_type = 'revision' AND ((wp_posts.post_status = 'inherit')) ORDER BY wp_posts.post_date DESC, wp_posts.ID DESC LIMIT 0, 1
SELECT wp_posts.* FROM wp_posts WHERE 1=1 AND wp_posts.post_parent = 5 AND wp_posts.post_type = 'revision' AND ((wp_posts.post_status = 'inherit')) ORDER BY wp_posts.post_date DESC, wp_posts.ID DESC
SELECT meta_id FROM wp_postmeta WHERE meta_key = '_edit_lock' AND post_id = 5
SELECT * FROM wp_posts WHERE post_parent = 5 AND post_type = 'revision' AND post_status = 'inherit' AND post_name = '5-autosave-v1' ORDER BY post_date DESC LIMIT 1
SELECT DISTINCT YEAR( post_date ) AS year, MONTH( post_date ) AS month FROM wp_posts WHERE post_type = 'attachment' ORDER BY post_date DESC
UPDATE `wp_options` SET `option_value` = '0', `autoload` = 'no' WHERE `option_name` = 'can_compress_scripts'
SELECT SQL_CALC_FOUND_ROWS wp_posts.ID FROM wp_posts WHERE 1=1 AND wp_posts.post_type = 'wp_block' AND ((wp_posts.post_status = 'publish')) ORDER BY wp_posts.post_date DESC LIMIT 0, 100
SELECT wp_posts.* FROM wp_posts WHERE 1=1 AND wp_posts.ID = 5 AND wp_posts.post_type = 'post' AND ((wp_posts.post_status = 'auto-draft')) ORDER BY wp_posts.post_date DESC
SELECT wp_posts.* FROM wp_posts WHERE 1=1 AND wp_posts.post_name IN ('single-post','single-post','single') AND ( 0 = 1 ) AND wp_posts.post_type = 'wp_template' AND ((wp_posts.post_status = 'publish')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC
SELECT SQL_CALC_FOUND_ROWS wp_users.ID FROM wp_users INNER JOIN wp_usermeta ON ( wp_users.ID = wp_usermeta.user_id ) WHERE 1=1 AND ( ( wp_usermeta.meta_key = 'wp_user_level' AND wp_usermeta.meta_value != '0' ) ) ORDER BY display_name ASC LIMIT 0, 50
SELECT FOUND_ROWS()
SELECT wp_posts.* FROM wp_posts WHERE 1=1 AND wp_posts.post_name = 'wp-global-styles-twentytwentythree' AND wp_posts.ID NOT IN (0) AND wp_posts.post_type IN ('post', 'page', 'attachment') AND ((wp_posts.post_status = 'trash')) ORDER BY wp_posts.post_date DESC
SELECT post_name FROM wp_posts WHERE post_name = 'wp-global-styles-twentytwentythree' AND post_type = 'wp_global_styles' AND ID != 0 LIMIT 1
SELECT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE tt.taxonomy IN ('wp_theme') AND t.slug IN ('twentytwentythree') ORDER BY t.term_id ASC LIMIT 1
SELECT wp_posts.ID FROM wp_posts WHERE 1=1 AND wp_posts.post_name IN ('single') AND ( 0 = 1 ) AND wp_posts.post_type = 'wp_template' AND ((wp_posts.post_status = 'publish' OR wp_posts.post_status = 'draft' OR wp_posts.post_status = 'trash' OR wp_posts.post_status = 'auto-draft')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC LIMIT 0, 1
SELECT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE tt.taxonomy IN ('wp_theme') AND t.name IN ('twentytwentythree') ORDER BY t.term_id ASC LIMIT 1
SELECT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE tt.taxonomy IN ('wp_theme') AND t.name IN ('twentytwentythree') AND tt.parent = '0' ORDER BY t.name ASC
SELECT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE t.slug IN ('twentytwentythree') ORDER BY t.term_id ASC LIMIT 1
SELECT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE t.name IN ('twentytwentythree') ORDER BY t.term_id ASC LIMIT 1
INSERT INTO `wp_terms` (`name`, `slug`, `term_group`) VALUES ('twentytwentythree', 'twentytwentythree', 0)
SELECT tt.term_taxonomy_id FROM wp_term_taxonomy AS tt INNER JOIN wp_terms AS t ON tt.term_id = t.term_id WHERE tt.taxonomy = 'wp_theme' AND t.term_id = 2
SELECT t.term_id, t.slug, tt.term_taxonomy_id, tt.taxonomy FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON ( tt.term_id = t.term_id ) WHERE t.slug = 'twentytwentythree' AND tt.parent = 0 AND tt.taxonomy = 'wp_theme' AND t.term_id < 2 AND tt.term_taxonomy_id != 2
SELECT term_taxonomy_id FROM wp_term_relationships WHERE object_id = 6 AND term_taxonomy_id = 2
INSERT INTO `wp_term_relationships` (`object_id`, `term_taxonomy_id`) VALUES (6, 2)
SELECT COUNT(*) FROM wp_term_relationships, wp_posts WHERE wp_posts.ID = wp_term_relationships.object_id AND post_status IN ('publish') AND post_type IN ('wp_template', 'wp_template_part', 'wp_global_styles') AND term_taxonomy_id = 2
UPDATE `wp_term_taxonomy` SET `count` = 1 WHERE `term_taxonomy_id` = 2
SELECT term_id, taxonomy FROM wp_term_taxonomy WHERE term_taxonomy_id IN (2)
SELECT term_id, meta_key, meta_value FROM wp_termmeta WHERE term_id IN (2) ORDER BY meta_id ASC
SELECT wp_posts.* FROM wp_posts LEFT JOIN wp_term_relationships ON (wp_posts.ID = wp_term_relationships.object_id) WHERE 1=1 AND ( wp_term_relationships.term_taxonomy_id IN (2) ) AND wp_posts.post_type = 'wp_template_part' AND ((wp_posts.post_status = 'publish')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC
SELECT wp_posts.ID FROM wp_posts LEFT JOIN wp_term_relationships ON (wp_posts.ID = wp_term_relationships.object_id) WHERE 1=1 AND ( wp_term_relationships.term_taxonomy_id IN (2) ) AND wp_posts.post_type = 'wp_global_styles' AND ((wp_posts.post_status = 'publish')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC LIMIT 0, 1
SELECT t.*, tt.* FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE t.term_id = 1
UPDATE `wp_posts` SET `post_author` = 1, `post_date` = '2026-11-22 19:51:24', `post_date_gmt` = '2026-11-22 19:51:24', `post_content` = 'A long text, as long as it is.', `post_content_filtered` = '', `post_title` = 'Sardines swim in a shoal', `post_excerpt` = '', `post_status` = 'publish', `post_type` = 'post', `comment_status` = 'open', `ping_status` = 'open', `post_password` = '', `post_name` = 'sardines-swim-in-a-shoal', `to_ping` = '', `pinged` = '', `post_modified` = '2026-11-22 19:51:24', `post_modified_gmt` = '2026-11-22 19:51:24', `post_parent` = 0, `menu_order` = 0, `post_mime_type` = '', `guid` = 'http://blog.example/?p=5' WHERE `ID` = 5
SELECT t.term_id FROM wp_terms AS t INNER JOIN wp_term_taxonomy AS tt ON t.term_id = tt.term_id WHERE tt.taxonomy IN ('category') AND t.term_id IN ( 1 ) ORDER BY t.term_id ASC LIMIT 1
SELECT 1 as test FROM wp_posts WHERE post_type = 'post' AND post_status = 'publish' LIMIT 1
SELECT COUNT(*) FROM wp_postmeta WHERE meta_key = '_pingme' AND post_id = 5
SELECT SQL_CALC_FOUND_ROWS wp_posts.ID FROM wp_posts WHERE 1=1 AND ((wp_posts.post_type = 'post' AND (wp_posts.post_status = 'publish'))) ORDER BY wp_posts.post_date DESC LIMIT 0, 10
SELECT wp_posts.* FROM wp_posts LEFT JOIN wp_term_relationships ON (wp_posts.ID = wp_term_relationships.object_id) WHERE 1=1 AND wp_posts.post_name IN ('front-page') AND ( wp_term_relationships.term_taxonomy_id IN (2) ) AND wp_posts.post_type = 'wp_template' AND ((wp_posts.post_status = 'publish')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC
SELECT wp_posts.ID FROM wp_posts LEFT JOIN wp_term_relationships ON (wp_posts.ID = wp_term_relationships.object_id) WHERE 1=1 AND wp_posts.post_name IN ('header') AND ( wp_term_relationships.term_taxonomy_id IN (2) ) AND wp_posts.post_type = 'wp_template_part' AND ((wp_posts.post_status = 'publish')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC LIMIT 0, 1
SELECT * FROM wp_posts WHERE (post_type = 'page' AND post_status = 'publish') ORDER BY menu_order,wp_posts.post_title ASC
SELECT * FROM wp_users WHERE ID IN (1)
SELECT wp_posts.* FROM wp_posts WHERE 1=1 AND wp_posts.post_name = 'twentytwentythree' AND wp_posts.post_type = 'custom_css' AND ((wp_posts.post_status = 'publish' OR wp_posts.post_status = 'future' OR wp_posts.post_status = 'draft' OR wp_posts.post_status = 'pending' OR wp_posts.post_status = 'trash' OR wp_posts.post_status = 'auto-draft' OR wp_posts.post_status = 'inherit' OR wp_posts.post_status = 'request-pending' OR wp_posts.post_status = 'request-confirmed' OR wp_posts.post_status = 'request-failed' OR wp_posts.post_status = 'request-completed' OR wp_posts.post_status = 'private')) ORDER BY wp_posts.post_date DESC
SELECT wp_posts.* FROM wp_posts WHERE 1=1 AND wp_posts.ID = 5 AND wp_posts.post_type = 'post' ORDER BY wp_posts.post_date DESC
SELECT SQL_CALC_FOUND_ROWS wp_comments.comment_ID FROM wp_comments WHERE ( comment_approved = '1' ) AND comment_post_ID = 5 AND comment_parent = 0 ORDER BY wp_comments.comment_date_gmt ASC, wp_comments.comment_ID ASC
SELECT wp_posts.ID FROM wp_posts LEFT JOIN wp_term_relationships ON (wp_posts.ID = wp_term_relationships.object_id) WHERE 1=1 AND wp_posts.post_name IN ('single') AND ( wp_term_relationships.term_taxonomy_id IN (2) ) AND wp_posts.post_type = 'wp_template' AND ((wp_posts.post_status = 'publish' OR wp_posts.post_status = 'draft' OR wp_posts.post_status = 'trash' OR wp_posts.post_status = 'auto-draft')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC LIMIT 0, 1
SELECT wp_posts.ID FROM wp_posts WHERE 1=1 AND wp_posts.post_name IN ('header') AND ( 0 = 1 ) AND wp_posts.post_type = 'wp_template_part' AND ((wp_posts.post_status = 'publish')) GROUP BY wp_posts.ID ORDER BY wp_posts.post_date DESC LIMIT 0, 1
SELECT comment_ID FROM wp_comments WHERE comment_post_ID = 5 AND comment_parent = '0' AND comment_approved != 'trash' AND ( comment_author = 'Nemo' AND comment_author_email = 'nemo@example.com' ) AND comment_content = 'It\'s 100% true: \"small\" fish \\ do that.' LIMIT 1
SELECT `comment_date_gmt` FROM `wp_comments` WHERE `comment_date_gmt` >= '2026-11-22 18:52:43' AND ( `comment_author_IP` = '192.0.2.1' OR `comment_author_email` = 'nemo@example.com' ) ORDER BY `comment_date_gmt` DESC LIMIT 1
SELECT comment_approved FROM wp_comments WHERE comment_author = 'Nemo' AND comment_author_email = 'nemo@example.com' and comment_approved = '1' LIMIT 1
INSERT INTO `wp_comments` (`comment_post_ID`, `comment_author_IP`, `comment_author`, `comment_author_email`, `comment_author_url`, `comment_date`, `comment_date_gmt`, `comment_content`, `comment_karma`, `comment_approved`, `comment_agent`, `comment_type`, `comment_parent`, `user_id`) VALUES (5, '192.0.2.1', 'Nemo', 'nemo@example.com', '', '2026-11-22 19:52:43', '2026-11-22 19:52:43', 'It\'s 100% true: \"small\" fish \\ do that.', 0, '0', 'A long text, as long as it is.', 'comment', 0, 0)
SELECT * FROM wp_comments WHERE comment_ID = 2 LIMIT 1
SELECT COUNT(*) FROM wp_comments WHERE comment_approved = '0'
SELECT SQL_CALC_FOUND_ROWS wp_comments.comment_ID FROM wp_comments WHERE ( ( comment_approved = '1' ) OR ( comment_author_email = 'nemo@example.com' AND comment_approved = '0' AND wp_comments.comment_ID = 2 ) ) AND comment_post_ID = 5 AND comment_parent = 0 ORDER BY wp_comments.comment_date_gmt ASC, wp_comments.comment_ID ASC
SELECT wp_comments.comment_ID FROM wp_comments WHERE ( ( comment_approved = '1' ) OR ( comment_author_email = 'nemo@example.com' AND comment_approved = '0' AND wp_comments.comment_ID = 2 ) ) AND comment_post_ID = 5 AND comment_parent IN ( 2 ) ORDER BY wp_comments.comment_date_gmt ASC, wp_comments.comment_ID ASC
SELECT comment_post_ID, COUNT(comment_ID) as num_comments FROM wp_comments WHERE comment_post_ID IN ( '5', '1' ) AND comment_approved = '0' GROUP BY comment_post_ID
SELECT COUNT(*) FROM wp_comments WHERE ( ( comment_approved = '0' OR comment_approved = '1' ) ) ORDER BY wp_comments.comment_date_gmt DESC
SELECT wp_comments.comment_ID FROM wp_comments WHERE ( ( comment_approved = '0' OR comment_approved = '1' ) ) AND comment_type IN ('', 'comment') ORDER BY wp_comments.comment_date_gmt DESC LIMIT 0,1
UPDATE `wp_postmeta` SET `meta_value` = '1795377020:1' WHERE `post_id` = 5 AND `meta_key` = '_edit_lock' AND `meta_value` = '1795377152:1'
UPDATE `wp_comments` SET `comment_approved` = '1' WHERE `comment_ID` = 2
SELECT COUNT(*) FROM wp_comments WHERE comment_post_ID = 5 AND comment_approved = '1'
UPDATE `wp_posts` SET `comment_count` = 1 WHERE `ID` = 5
SELECT wp_comments.comment_ID FROM wp_comments WHERE ( comment_approved = '1' ) AND comment_post_ID = 5 AND comment_parent IN ( 2 ) ORDER BY wp_comments.comment_date_gmt ASC, wp_comments.comment_ID ASC
SELECT SQL_CALC_FOUND_ROWS wp_posts.ID FROM wp_posts WHERE 1=1 AND (((wp_posts.post_title LIKE '%anything%') OR (wp_posts.post_excerpt LIKE '%anything%') OR (wp_posts.post_content LIKE '%anything%'))) AND (wp_posts.post_password = '') AND ((wp_posts.post_type = 'post' AND (wp_posts.post_status = 'publish')) OR (wp_posts.post_type = 'page' AND (wp_posts.post_status = 'publish')) OR (wp_posts.post_type = 'attachment' AND (wp_posts.post_status = 'publish'))) ORDER BY wp_posts.post_title LIKE '%anything%' DESC, wp_posts.post_date DESC LIMIT 0, 10
