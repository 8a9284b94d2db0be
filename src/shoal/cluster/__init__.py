"""Pure decisions of a cluster: a view of the store in, a plan of changes out."""
