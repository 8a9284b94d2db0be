"""Tree of a template and data -> text."""

from __future__ import annotations

from shoal.cli.gotemplate.functions import FUNCTIONS, NILS, Missing, text_of
from shoal.cli.gotemplate.parse import TemplateError, parse_template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from shoal.cli.gotemplate.parse import Node, Pipeline


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Template:
    """A parsed template."""

    def __init__(self, nodes: list[Node], functions: Mapping[str, Callable[..., Any]]) -> None:
        self._nodes = nodes
        self._functions = functions

    def render(self, data: Any) -> str:
        """The text for `data`. Raises: TemplateError where they don't fit."""
        return "".join(_Run(self._functions, data).body(self._nodes, data))


def compile_template(text: str, functions: Mapping[str, Callable[..., Any]] | None = None) -> Template:
    """The template that `text` writes; `functions` win over the usual ones. Raises: TemplateError."""
    nodes = parse_template(text)
    known = {**FUNCTIONS, **(functions or {})}
    _check_functions(nodes, known)
    return Template(nodes, known)


def _check_functions(tree: Any, known: Mapping[str, Any]) -> None:
    if isinstance(tree, tuple) and len(tree) == 2 and tree[0] == "function":
        if tree[1] not in known:
            raise TemplateError(f'template parsing error: template: :1: function "{tree[1]}" not defined')
    elif isinstance(tree, tuple | list):
        for part in tree:
            _check_functions(part, known)


class _Run:
    """One rendering: the variables in sight, innermost last."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], data: Any) -> None:
        self._functions = functions
        self._variables: list[tuple[str, Any]] = [("$", data)]

    def body(self, nodes: Sequence[Node], dot: Any) -> Iterable[str]:
        depth = len(self._variables)
        try:
            for node in nodes:
                yield from self._node(node, dot)
        finally:
            del self._variables[depth:]

    def _node(self, node: Node, dot: Any) -> Iterable[str]:
        kind = node[0]
        if kind == "text":
            yield node[1]
        elif kind == "action":
            value = self._pipeline(node[1], dot)
            if not node[1][0]:
                yield _printed(value)
        elif kind in ("if", "with"):
            yield from self._conditional(node, dot)
        elif kind == "range":
            yield from self._range(node, dot)
        else:
            raise _Break if kind == "break" else _Continue

    def _conditional(self, node: Node, dot: Any) -> Iterable[str]:
        depth = len(self._variables)
        for pipeline, body in node[1]:
            value = self._pipeline(pipeline, dot)
            if value:
                yield from self.body(body, value if node[0] == "with" else dot)
                break
        else:
            yield from self.body(node[2], dot)
        del self._variables[depth:]

    def _range(self, node: Node, dot: Any) -> Iterable[str]:
        _, (declared, _is_assignment, commands), body, else_body = node
        pairs = _pairs(self._pipeline(([], False, commands), dot))
        if not pairs:
            yield from self.body(else_body, dot)
            return
        depth = len(self._variables)
        for key, item in pairs:
            values = (item,) if len(declared) == 1 else (key, item)
            self._variables += zip(declared, values, strict=False)
            try:
                yield from self.body(body, item)
            except _Continue:
                continue
            except _Break:
                break
            finally:
                del self._variables[depth:]

    def _pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        declared, is_assignment, commands = pipeline
        value = self._command(commands[0], dot)
        for command in commands[1:]:
            value = self._command(command, dot, value)
        for name in declared:
            self._declare(name, value, is_assignment)
        return value

    def _declare(self, name: str, value: Any, is_assignment: bool) -> None:
        if not is_assignment:
            self._variables.append((name, value))
            return
        for index in reversed(range(len(self._variables))):
            if self._variables[index][0] == name:
                self._variables[index] = (name, value)
                return
        raise TemplateError(f'undefined variable "{name}"')

    def _command(self, command: list[Node], dot: Any, *piped: Any) -> Any:
        head = command[0]
        arguments = [self._operand(operand, dot) for operand in command[1:]] + list(piped)
        if head[0] == "function":
            return self._call(head[1], self._functions[head[1]], arguments)
        value = self._operand(head, dot, arguments)
        if callable(value):
            return self._call(_spelled(head), value, arguments)
        if arguments:
            raise TemplateError(f"can't give argument to non-function {_spelled(head)}")
        return value

    @staticmethod
    def _call(name: str, function: Callable[..., Any], arguments: list[Any]) -> Any:
        try:
            return function(*arguments)
        except TypeError as error:
            raise TemplateError(f"wrong arguments for {name}: {error}") from error

    def _operand(self, node: Node, dot: Any, arguments: list[Any] | None = None) -> Any:
        kind = node[0]
        if kind == "literal":
            return node[1]
        if kind == "dot":
            return dot
        if kind == "field":
            return _walk(dot, node[1], arguments)
        if kind == "variable":
            return _walk(self._variable(node[1]), node[2], arguments)
        if kind == "pipeline":
            return self._pipeline(node[1], dot)
        if kind == "chain":
            return _walk(self._operand(node[1], dot), node[2], arguments)
        return self._call(node[1], self._functions[node[1]], [])

    def _variable(self, name: str) -> Any:
        for known, value in reversed(self._variables):
            if known == name:
                return value
        raise TemplateError(f'undefined variable "{name}"')


def _walk(value: Any, names: list[str], arguments: list[Any] | None) -> Any:
    """The field of a field of `value`; methods on the way are called, one at the end only without arguments to come."""
    for index, name in enumerate(names):
        if isinstance(value, Missing) or value is None:
            raise TemplateError(f"nil pointer evaluating interface {{}}.{name}")
        if not isinstance(value, dict):
            raise TemplateError(f"can't evaluate field {name} in type {type(value).__name__}")
        value = _field(value, name)
        if callable(value) and not (arguments and index == len(names) - 1):
            value = value()
    return value


def _field(value: dict[str, Any], name: str) -> Any:
    """A field by its name in JSON or, as docker's own types have it, in Go: `ID` for "Id", `Status` for "status"."""
    if name not in value:
        lower = name.lower()
        found = [key for key in value if key.lower() == lower]
        if len(found) != 1:
            return Missing(name)
        name = found[0]
    return NILS.get(name) if value[name] is None else value[name]


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if value is None or isinstance(value, Missing):
        return []
    if isinstance(value, dict):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return [(number, number) for number in range(value)]
    raise TemplateError(f"range can't iterate over {text_of(value)}")


def _printed(value: Any) -> str:
    if isinstance(value, Missing) and value.name[:1].isupper():
        raise TemplateError(f'template: :1: executing "" at <.{value.name}>: map has no entry for key "{value.name}"')
    return text_of(value)


def _spelled(node: Node) -> str:
    return "." + ".".join(node[1]) if node[0] == "field" else str(node[1] if len(node) > 1 else ".")
