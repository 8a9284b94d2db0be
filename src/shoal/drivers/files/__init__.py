"""Walking, opening and removing folders that others may be changing at the same time."""
