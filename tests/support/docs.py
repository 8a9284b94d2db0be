"""The generated pages of docs/: `python -m tests.support.docs` writes them; tests compare."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from shoal.api.contract import render_coverage
from shoal.api.nouns import Nouns, all_routes
from shoal.cli.reference import reference
from shoal.compose.keys.support import render_support_table

DOCS = Path(__file__).parents[2] / "docs"


def api_coverage() -> str:
    """The routes name their handlers; nobody calls them here, so the nouns may be missing."""
    missing: Any = {field.name: None for field in fields(Nouns)}
    return render_coverage(all_routes(Nouns(**missing)))


PAGES: dict[str, Callable[[], str]] = {
    "api-coverage.md": api_coverage,
    "cli.md": reference,
    "compose-support.md": render_support_table,
}

if __name__ == "__main__":
    for name, render in PAGES.items():
        (DOCS / name).write_text(render())
        print(f"docs/{name}")
