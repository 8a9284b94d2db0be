"""Text of a template -> tree.

Nodes are tuples whose first item names them:
  ("text", str)                                 ("action", pipeline)
  ("if", [(pipeline, body), …], else_body)      ("with", [(pipeline, body), …], else_body)
  ("range", pipeline, body, else_body)          ("break",)  ("continue",)
A pipeline is (declared variables, is_assignment, [command, …]); a command is a list of operands:
  ("field", [names])  ("variable", name, [names])  ("chain", operand, [names])  ("literal", value)
  ("function", name)  ("pipeline", pipeline)  ("dot",)
"""

from __future__ import annotations

import re

from shoal.errors import ShoalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Node = tuple[Any, ...]
    Pipeline = tuple[list[str], bool, list[list[Node]]]


class TemplateError(ShoalError):
    """The template is wrong, or does not fit the data."""

    status = 400


_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<raw>`[^`]*`)
    |(?P<char>'(?:[^'\\]|\\.)')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+))
    |(?P<variable>\$\w*)
    |(?P<field>\.[^\W\d]\w*)
    |(?P<word>[^\W\d]\w*)
    |(?P<operator>:=|=|\||\(|\)|,|\.)
    """,
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CONSTANTS = {"true": True, "false": False, "nil": None}


def parse_template(text: str) -> list[Node]:
    """The nodes of a template. Raises: TemplateError."""
    parser = _Parser(_lex(text))
    body, end = parser.body()
    if end:
        raise TemplateError(f"template parsing error: template: :1: unexpected {{{{{end}}}}}")
    return body


def _lex(text: str) -> list[tuple[str, str]]:
    """("text", …) and ("action", …) pieces, trim marks carried out, comments left out."""
    pieces: list[tuple[str, str]] = []
    position, trims_left = 0, False
    while True:
        start = text.find("{{", position)
        plain = text[position:] if start < 0 else text[position:start]
        if trims_left:
            plain = plain.lstrip()
        if start < 0:
            pieces.append(("text", plain))
            return pieces
        inner_start = start + 2
        if text[inner_start : inner_start + 1] == "-" and text[inner_start + 1 : inner_start + 2].isspace():
            plain, inner_start = plain.rstrip(), inner_start + 2
        pieces.append(("text", plain))
        inner, position = _action_end(text, inner_start)
        trims_left = inner.endswith("-") and (len(inner) > 1 and inner[-2].isspace())
        inner = (inner[:-1] if trims_left else inner).strip()
        if not (inner.startswith("/*") and inner.endswith("*/")):
            pieces.append(("action", inner))


def _action_end(text: str, start: int) -> tuple[str, int]:
    """The action that begins at `start`, and where the text goes on; quotes may hold braces."""
    quote, index = "", start
    while index < len(text):
        char = text[index]
        if quote:
            if char == "\\" and quote != "`":
                index += 1
            elif char == quote:
                quote = ""
        elif char in "\"`'":
            quote = char
        elif text.startswith("}}", index):
            return text[start:index], index + 2
        index += 1
    raise TemplateError("template parsing error: template: :1: unclosed action")


def _tokens(action: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(action):
        match = _TOKEN.match(action, position)
        if match is None:
            raise TemplateError(
                f"template parsing error: template: :1: unexpected {action[position]!r} in {{{{{action}}}}}"
            )
        found.append((match.lastgroup or "", match.group()))
        position = match.end()
    return found


class _Parser:
    def __init__(self, pieces: list[tuple[str, str]]) -> None:
        self._pieces = pieces
        self._index = 0

    def body(self) -> tuple[list[Node], str]:
        """Nodes up to an `end` or `else`, and that action ("" at the end of the text)."""
        nodes: list[Node] = []
        while self._index < len(self._pieces):
            kind, value = self._pieces[self._index]
            self._index += 1
            if kind == "text":
                if value:
                    nodes.append(("text", value))
                continue
            word = value.split(None, 1)[0] if value else ""
            if word in ("end", "else"):
                return nodes, value
            nodes.append(self._node(word, value))
        return nodes, ""

    def _node(self, word: str, action: str) -> Node:
        if word in ("if", "with"):
            return self._conditional(word, action)
        if word == "range":
            pipeline = _parse_pipeline(action.removeprefix("range"))
            body, end = self.body()
            return ("range", pipeline, body, self._else_body(end))
        if word in ("break", "continue"):
            return (word,)
        if word in ("define", "template", "block"):
            raise TemplateError(f"template parsing error: {{{{{word}}}}} is not supported")
        return ("action", _parse_pipeline(action))

    def _conditional(self, word: str, action: str) -> Node:
        branches = []
        while True:
            pipeline = _parse_pipeline(action.removeprefix(word))
            body, end = self.body()
            branches.append((pipeline, body))
            after_else = end.removeprefix("else").strip()
            if end.startswith("else") and after_else:
                word, action = after_else.split(None, 1)[0], after_else
                continue
            return (word, branches, self._else_body(end))

    def _else_body(self, end: str) -> list[Node]:
        body: list[Node] = []
        if end == "else":
            body, end = self.body()
        if end != "end":
            raise TemplateError("template parsing error: template: :1: unexpected EOF")
        return body


def _parse_pipeline(text: str) -> Pipeline:
    tokens = _tokens(text)
    pipeline, rest = _pipeline(tokens, 0)
    if rest < len(tokens):
        raise TemplateError(
            f'template parsing error: template: :1: unexpected "{tokens[rest][1]}" in {{{{{text.strip()}}}}}'
        )
    return pipeline


def _pipeline(tokens: list[tuple[str, str]], index: int) -> tuple[Pipeline, int]:
    declared, is_assignment, index = _declarations(tokens, index)
    commands: list[list[Node]] = [[]]
    while index < len(tokens):
        kind, value = tokens[index]
        if value == ")" and kind == "operator":
            break
        if kind == "space":
            index += 1
        elif value == "|" and kind == "operator":
            commands.append([])
            index += 1
        else:
            operand, index = _operand(tokens, index)
            commands[-1].append(operand)
    if not all(commands):
        raise TemplateError("template parsing error: template: :1: missing value for command")
    return (declared, is_assignment, commands), index


def _declarations(tokens: list[tuple[str, str]], index: int) -> tuple[list[str], bool, int]:
    """Variables before `:=` or `=`."""
    words = [(kind, value, at) for at, (kind, value) in enumerate(tokens[index:], index) if kind != "space"]
    names = []
    for kind, value, at in words[:4]:
        if kind == "variable":
            names.append(value)
        elif value in (":=", "=") and names:
            return names, value == "=", at + 1
        elif value != ",":
            break
    return [], False, index


def _operand(tokens: list[tuple[str, str]], index: int) -> tuple[Node, int]:
    kind, value = tokens[index]
    index += 1
    node: Node
    if kind == "operator" and value == "(":
        inner, index = _pipeline(tokens, index)
        if index >= len(tokens):
            raise TemplateError("template parsing error: template: :1: unclosed left paren")
        node, index = ("pipeline", inner), index + 1
    elif kind == "operator" and value == ".":
        node = ("dot",)
    elif kind == "field":
        node = ("field", [value[1:]])
    elif kind == "variable":
        node = ("variable", value, [])
    elif kind == "word":
        node = ("literal", _CONSTANTS[value]) if value in _CONSTANTS else ("function", value)
    elif kind in ("string", "raw", "char", "number"):
        node = ("literal", _literal(kind, value))
    else:
        raise TemplateError(f'template parsing error: template: :1: unexpected "{value}" in operand')
    names = []
    while index < len(tokens) and tokens[index][0] == "field":
        names.append(tokens[index][1][1:])
        index += 1
    return (_with_names(node, names) if names else node), index


def _with_names(node: Node, names: list[str]) -> Node:
    if node[0] == "field":
        return ("field", node[1] + names)
    if node[0] == "variable":
        return ("variable", node[1], names)
    return ("chain", node, names)


def _literal(kind: str, text: str) -> Any:
    if kind == "raw":
        return text[1:-1]
    if kind == "number":
        try:
            return int(text, 0)
        except ValueError:
            return int(text) if text.lstrip("+-").isdigit() else float(text)
    value = re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", _unescape, text[1:-1])
    return ord(value) if kind == "char" else value


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    if code not in _ESCAPES:
        raise TemplateError(f"template parsing error: template: :1: unknown escape \\{code}")
    return _ESCAPES[code]
