"""Projects and plans as text: `config`, `--dry-run`."""
