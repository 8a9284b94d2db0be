"""`shoal compose …`: reads files, asks for plans, has them carried out, and shows what happens."""
