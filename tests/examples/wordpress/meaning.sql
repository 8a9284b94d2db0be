-- Statements, one in a line, and what MySQL answers: "-->" before each row, "--=" before the number of rows changed.
TRUNCATE TABLE wp_posts
--= True
INSERT INTO wp_posts (ID, post_title, post_name, post_date, post_status, post_content) VALUES (10, 'Zebra', 'zebra', '2024-01-31 10:00:00', 'publish', 'b'), (11, 'apple', 'apple', '2024-03-01', 'publish', 'a'), (12, 'Mango', 'mango', '0000-00-00 00:00:00', 'draft', 'C')
--= 3
-- numbers of their own, and those after them; nothing, NULL and 0 ask for the next
INSERT INTO wp_posts (ID, post_title) VALUES (NULL, 'next'), (0, 'after'), ('', 'last')
--= 3
SELECT ID FROM wp_posts WHERE ID > 12 ORDER BY ID
--> 13
--> 14
--> 15
DELETE FROM wp_posts WHERE ID > 12
--= 3
-- a date without a time, and text without a value
SELECT post_date, post_excerpt, comment_count FROM wp_posts WHERE ID = 11
--> 2024-03-01 00:00:00||0
-- quotes, backslashes, comments in text, a NUL byte, other scripts
UPDATE wp_posts SET post_content = 'it\'s ''so'' \"\\\\ -- # /* \0 `x` ☃ 🐟' WHERE ID = 10
--= 1
SELECT REPLACE(post_content, '\0', '(NUL)') FROM wp_posts WHERE ID = 10
--> it's 'so' "\\ -- # /* (NUL) `x` ☃ 🐟
SELECT "double", 'si' 'ngle' FROM DUAL
--> double|single
-- neither case nor accents matter for names; patterns
SELECT ID FROM wp_posts WHERE post_name = 'ZÉBRA'
--> 10
SELECT ID FROM wp_posts WHERE post_title LIKE '%ANG%' OR post_title LIKE BINARY 'ap%' ORDER BY ID
--> 11
--> 12
SELECT 'a_b' LIKE 'a\_b', 'axb' LIKE 'a\_b', 'axb' NOT LIKE 'A_B', 'x' LIKE BINARY 'X'
--> 1|0|0|0
SELECT ID FROM wp_posts WHERE post_title REGEXP '^(ZE|ma)' AND post_title NOT REGEXP 'go$'
--> 10
SELECT COUNT(*) FROM wp_posts WHERE post_title REGEXP BINARY '^z'
--> 0
-- text as a number
SELECT ID FROM wp_posts WHERE ID = '11 apples' OR ID IN ('', 'x', '12') ORDER BY ID
--> 11
--> 12
SELECT '5 fish' + 1, '1e2' > 99, 'x' < 1, CAST('12abc' AS SIGNED), CAST('1.256' AS DECIMAL(4,2))
--> 6|1|1|12|1.26
UPDATE wp_posts SET menu_order = '', post_parent = '7 of 9', comment_count = comment_count + '2' WHERE ID = 11
--= 1
SELECT menu_order, post_parent, comment_count FROM wp_posts WHERE ID = 11
--> 0|7|2
INSERT INTO wp_postmeta (meta_id, post_id, meta_key, meta_value) VALUES (31, 10, 'n', '9'), (32, 11, 'n', '10'), (33, 12, 'n', 'many')
--= 3
SELECT p.ID FROM wp_posts p JOIN wp_postmeta m ON p.ID = m.post_id WHERE m.meta_key = 'n' ORDER BY m.meta_value+0 DESC
--> 11
--> 10
--> 12
SELECT wp_posts.ID FROM wp_posts INNER JOIN wp_postmeta ON ( wp_posts.ID = wp_postmeta.post_id ) WHERE 1=1 AND ( wp_postmeta.meta_key = 'n' AND CAST(wp_postmeta.meta_value AS SIGNED) BETWEEN '5' AND '10' ) GROUP BY wp_posts.ID ORDER BY CAST(wp_postmeta.meta_value AS SIGNED) ASC LIMIT 0, 10
--> 10
--> 11
SELECT SUM(meta_value), MAX(meta_value + 0) FROM wp_postmeta WHERE meta_key = 'n'
--> 19|10
-- a number as a condition
SELECT ID FROM wp_posts WHERE 1 AND (0 OR ID = 12) AND ID BETWEEN 1 AND 12 AND NOT 0
--> 12
-- what DISTINCT and GROUP BY leave open
SELECT DISTINCT post_status FROM wp_posts ORDER BY post_title
--> publish
--> draft
SELECT DISTINCT YEAR( post_date ) AS year, MONTH( post_date ) AS month FROM wp_posts ORDER BY post_date DESC
--> 2024|3
--> 2024|1
--> 0|0
SELECT YEAR(post_date) AS `year`, MONTH(post_date) AS `month`, count(ID) as posts FROM wp_posts WHERE post_status = 'publish' GROUP BY YEAR(post_date), MONTH(post_date) ORDER BY post_date DESC
--> 2024|3|1
--> 2024|1|1
SELECT DISTINCT WEEK( `post_date`, 1 ) AS `week`, YEAR( `post_date` ) AS `yr`, DATE_FORMAT( `post_date`, '%Y-%m-%d' ) AS `yyyymmdd`, count( `ID` ) AS `posts` FROM `wp_posts` WHERE post_status = 'publish' GROUP BY WEEK( `post_date`, 1 ), YEAR( `post_date` ) ORDER BY `post_date` DESC
--> 9|2024|2024-03-01|1
--> 5|2024|2024-01-31|1
SELECT post_status, COUNT(*) n FROM wp_posts GROUP BY post_status HAVING n > 1
--> publish|2
SELECT DISTINCT meta_key FROM wp_postmeta WHERE meta_key NOT BETWEEN '_' AND '_z' HAVING meta_key NOT LIKE '\\_%'
--> n
SELECT p.post_status, p.ID, m.* FROM wp_posts p JOIN wp_postmeta m ON m.post_id = p.ID WHERE p.ID = 10 GROUP BY p.post_status
--> publish|10|31|10|n|9
SELECT ID FROM wp_posts ORDER BY post_title LIKE 'm%' DESC, FIELD( ID, 11, 10 )
--> 12
--> 11
--> 10
SELECT GROUP_CONCAT(DISTINCT post_name ORDER BY post_name DESC SEPARATOR '; '), COUNT(DISTINCT ID, post_name) FROM wp_posts
--> zebra; mango; apple|3
(SELECT ID FROM wp_posts WHERE ID = 12) UNION ALL (SELECT 5) ORDER BY 1 LIMIT 1, 1
--> 12
-- rows that there would be without a limit
SELECT SQL_CALC_FOUND_ROWS ID FROM wp_posts ORDER BY post_title LIMIT 1, 1
--> 12
SELECT FOUND_ROWS()
--> 3
-- time
SELECT DATE_ADD('20240131', INTERVAL 1 MONTH), DATE_SUB('2024-03-01', INTERVAL '1:30' HOUR_MINUTE)
--> 2024-02-29 00:00:00|2024-02-29 22:30:00
SELECT ID FROM wp_posts WHERE DATE_SUB( NOW(), INTERVAL 7 DAY ) > post_date AND post_status = 'draft'
--> 12
SELECT DATE_FORMAT('2024-03-01 09:05:07', '%Y-%m-%d %H.%i %M %e %%'), WEEK('2024-03-03', 1), WEEK('2024-03-03', 0)
--> 2024-03-01 09.05 March 1 %|9|9
SELECT UNIX_TIMESTAMP('1970-01-02'), IF(1 = 2, 'yes', 'no'), IFNULL(NULL, 3), DATE_ADD('0000-00-00 00:00:00', INTERVAL 1 DAY)
--> 86400|no|3|None
-- changes
INSERT IGNORE INTO `wp_options` ( `option_name`, `option_value`, `autoload` ) VALUES ('lock', '1', 'no') /* LOCK */
--= 1
INSERT IGNORE INTO `wp_options` ( `option_name`, `option_value`, `autoload` ) VALUES ('LOCK', '2', 'no') /* LOCK */
--= 0
INSERT INTO wp_options (option_name, option_value) VALUES ('lock', '3') ON DUPLICATE KEY UPDATE option_value = CONCAT(option_value, '+', VALUES(option_value))
--= 1
SELECT option_value, autoload FROM wp_options WHERE option_name = 'lock'
--> 1+3|no
REPLACE INTO wp_options (option_name, option_value, autoload) VALUES ('lock', '4', 'yes')
--= 1
SELECT option_value, autoload FROM wp_options WHERE option_name = 'lock'
--> 4|yes
INSERT INTO wp_term_relationships (object_id, term_taxonomy_id, term_order) VALUES (77, 1, 1), (77, 2, 2) ON DUPLICATE KEY UPDATE term_order = VALUES(term_order)
--= 2
UPDATE wp_term_relationships SET term_order = term_order + 5 WHERE object_id = 77 ORDER BY term_taxonomy_id DESC LIMIT 1
--= 1
SELECT term_order FROM wp_term_relationships WHERE object_id = 77 ORDER BY 1
--> 1
--> 7
UPDATE wp_posts p INNER JOIN wp_postmeta m ON m.post_id = p.ID SET p.post_excerpt = m.meta_value WHERE m.meta_key = 'n'
--= 3
SELECT post_excerpt FROM wp_posts ORDER BY ID
--> 9
--> 10
--> many
INSERT INTO wp_options (option_name, option_value) VALUES ('_transient_a', 'x'), ('_transient_timeout_a', '100'), ('_transient_b', 'y'), ('_transient_timeout_b', '9000')
--= 4
DELETE a, b FROM wp_options a, wp_options b WHERE a.option_name LIKE '\\_transient\\_%' AND a.option_name NOT LIKE '\\_transient\\_timeout\\_%' AND b.option_name = CONCAT( '_transient_timeout_', SUBSTRING( a.option_name, 12 ) ) AND b.option_value < 1000
--= 2
SELECT option_name FROM wp_options WHERE option_name LIKE '\\_transient%' ORDER BY option_name
--> _transient_b
--> _transient_timeout_b
DELETE p, m FROM wp_posts AS p LEFT JOIN wp_postmeta AS m ON m.post_id = p.ID WHERE p.ID = 12
--= 2
DELETE FROM wp_posts WHERE ID = 11 LIMIT 1
--= 1
SELECT COUNT(*) FROM wp_posts
--> 1
-- tables
ALTER TABLE wp_links ADD COLUMN `Colour` varchar(20) NOT NULL DEFAULT 'red', ADD KEY colour (Colour(10)), DROP INDEX link_visible
--= True
SHOW COLUMNS FROM wp_links LIKE 'colour'
--> Colour|varchar(20)|utf8mb4_unicode_ci|NO|MUL|red|
ALTER TABLE wp_links MODIFY Colour int(3) NOT NULL DEFAULT 5, ALTER COLUMN link_rating SET DEFAULT '1'
--= True
INSERT INTO wp_links (link_url) VALUES ('http://blog.example')
--= 1
SELECT Colour, link_rating, link_visible FROM wp_links
--> 5|1|Y
SHOW INDEX FROM wp_links
--> wp_links|0|PRIMARY|1|link_id|None|BTREE
--> wp_links|1|colour|1|Colour|10|BTREE
CREATE TABLE IF NOT EXISTS wp_own (a int NOT NULL AUTO_INCREMENT PRIMARY KEY, `order` enum('x','y') UNIQUE, b decimal(5,2)) ENGINE=InnoDB
--= True
INSERT INTO wp_own SET `order` = 'x', b = 1.5
--= 1
SELECT a, `order`, b FROM wp_own
--> 1|x|1.50
DROP TABLE IF EXISTS wp_own, wp_never_there
--= True
SHOW TABLES LIKE 'wp\\_o%'
--> wp_options
