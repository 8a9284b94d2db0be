<?php
/**
 * Drop-in: WordPress on PostgreSQL. WordPress copies this file into the volume once, so all that may change lies outside,
 * in the image.
 */
require '/usr/local/lib/wordpress-postgres/load.php';
