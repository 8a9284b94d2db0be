"""Lists of objects: docker's tables, `--format`, `-q`.

A `Listing` names the fields of an object as docker's `--format` knows them; a table shows some of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from shoal.cli.command import Context

    Field = Callable[[Any], Any]

_MIN_WIDTH, _GAP = 10, 3
_JSON_FORMAT = "{{json .}}"


class Listing:
    """How objects of one kind are listed.

    fields: {docker's field name: text of an object}; a field whose value is callable takes arguments in templates
    columns: fields of the default table, in order
    headings: of fields whose heading is not their name in capitals
    quiet: field that `-q` prints
    """

    def __init__(
        self, fields: Mapping[str, Field], columns: Sequence[str], *, headings: Mapping[str, str], quiet: str = ""
    ) -> None:
        self.fields = fields
        self.columns = tuple(columns)
        self._headings = headings
        self.quiet = quiet

    def heading(self, field: str) -> str:
        """The heading of a column."""
        return self._headings.get(field) or field.upper()

    def table(self, items: Iterable[Any], columns: Sequence[str] = ()) -> str:
        """The table of `items` with headings."""
        chosen = columns or self.columns
        rows = [[self.heading(name) for name in chosen]]
        rows += [[str(self.fields[name](item)) for name in chosen] for item in items]
        return table_text(rows)

    def values(self, item: Any) -> dict[str, Any]:
        """All fields of one object, for templates."""
        return {name: field(item) for name, field in sorted(self.fields.items())}

    def formatted(self, items: Iterable[Any], template: str) -> str:
        """`items` one a line, each as `template` says; with headings where it begins with "table "."""
        from shoal.cli.gotemplate import compile_template
        from shoal.cli.gotemplate.functions import HEADER_FUNCTIONS

        is_table = template.startswith("table ") or template.startswith("table{")
        text = template.removeprefix("table").strip() if is_table else template
        text = _JSON_FORMAT if text == "json" else text.replace("\\t", "\t").replace("\\n", "\n")
        compiled = compile_template(text)
        lines = [compiled.render(self.values(item)) for item in items]
        if not is_table:
            return "".join(line + "\n" for line in lines)
        headings: dict[str, Any] = {name: self.heading(name) for name in self.fields}
        heading = compile_template(text, HEADER_FUNCTIONS).render({**headings, "Label": _label_heading})
        return table_text([line.split("\t") for line in (heading, *lines)])


def _label_heading(name: str) -> str:
    """Of a column {{.Label "com.example.some-name"}}: "some name"."""
    return name.rpartition(".")[2].replace("-", " ").replace("_", " ")


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell and a gap of three, at least ten; the last one is not padded."""
    widths: list[int] = []
    for row in rows:
        for index, cell in enumerate(row[:-1]):
            if index == len(widths):
                widths.append(_MIN_WIDTH)
            widths[index] = max(widths[index], len(cell) + _GAP)
    lines = []
    for row in rows:
        cells = [cell.ljust(widths[index]) for index, cell in enumerate(row[:-1])]
        lines.append("".join([*cells, row[-1] if row else ""]) + "\n")
    return "".join(lines)


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """A sort key that puts "web.2" before "web.10"."""
    parts: list[tuple[int, int, str]] = []
    rest = text
    while rest:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        if digits:
            parts.append((0, int(digits), digits))
            rest = rest[len(digits) :]
        else:
            parts.append((1, 0, rest[0]))
            rest = rest[1:]
    return parts


def print_list(
    context: Context,
    listing: Listing,
    items: Iterable[Any],
    *,
    template: str = "",
    is_quiet: bool = False,
    columns: Sequence[str] = (),
) -> None:
    """Print `items` the way that `-q`, `--format` and the default table say."""
    if is_quiet and template in ("", "table"):
        context.stdout.write("".join(f"{listing.fields[listing.quiet](item)}\n" for item in items))
    elif template in ("", "table"):
        context.stdout.write(listing.table(items, columns))
    elif template == "raw":
        context.stdout.write("".join(_raw_text(listing, item) for item in items))
    else:
        context.stdout.write(listing.formatted(items, template))


def _raw_text(listing: Listing, item: Any) -> str:
    lines = [f"{name.lower()}: {listing.fields[name](item)}" for name in listing.columns]
    return "\n".join(lines) + "\n\n"


def parse_filters(filters: Iterable[str]) -> dict[str, list[str]]:
    """The API's filters of flags of kind "filters"."""
    found: dict[str, list[str]] = {}
    for text in filters:
        key, _, value = text.partition("=")
        found.setdefault(key.strip().lower(), []).append(value.strip())
    return found
