"""Frozen keyword-only dataclasses that cost next to nothing to define.

`@dataclass` compiles six methods for each class, most of a millisecond; the sixty classes of this package would take
longer to import than a project takes to load, in every command. Here one `__init__`, `__eq__` and `__repr__` serve all.
`dataclasses.replace` and type checkers see a dataclass.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

_MISSING: Any = object()
T = TypeVar("T")


class _Field:
    """What `dataclasses` looks for in a field."""

    init = True
    kw_only = True
    _field_type = None

    def __init__(self, default: Any, default_factory: Any, repr: bool, compare: bool) -> None:
        self.name = ""
        self.default = default
        self.default_factory = default_factory
        self.repr = repr
        self.compare = compare


def field(
    *, default: Any = _MISSING, default_factory: Callable[[], Any] = _MISSING, repr: bool = True, compare: bool = True
) -> Any:
    """A field with a default that is made anew, or one that is left out of `repr` or of comparison."""
    return _Field(default, default_factory, repr, compare)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Noun:
    """Base of values: fields are the annotations of the class and of its bases."""

    __dataclass_fields__: ClassVar[dict[str, Any]] = {}
    _factories: ClassVar[dict[str, Callable[[], Any]]] = {}
    _required: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        fields = dict(cls.__dataclass_fields__)
        # inspect.get_annotations would import inspect: more time than all classes take
        for name in cls.__dict__.get("__annotations__", {}):  # noqa: RUF063
            default = cls.__dict__.get(name, _MISSING)
            known = default if isinstance(default, _Field) else _Field(default, _MISSING, True, True)
            known.name = name
            fields[name] = known
            if isinstance(default, _Field):
                delattr(cls, name)
                if known.default is not _MISSING:
                    setattr(cls, name, known.default)
        cls.__dataclass_fields__ = fields
        cls._factories = {n: f.default_factory for n, f in fields.items() if f.default_factory is not _MISSING}
        cls._required = frozenset(n for n, f in fields.items() if f.default is _MISSING and n not in cls._factories)

    def __init__(self, **values: Any) -> None:
        if not values.keys() <= self.__dataclass_fields__.keys() or not self._required <= values.keys():
            unknown = sorted(values.keys() - self.__dataclass_fields__.keys())
            missing = sorted(self._required - values.keys())
            raise TypeError(f"{type(self).__name__}: unknown {unknown}, missing {missing}")
        for name, factory in self._factories.items():
            if name not in values:
                values[name] = factory()
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"cannot assign to field {name!r} of {type(self).__name__}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete field {name!r} of {type(self).__name__}")

    def _compared(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name, one in self.__dataclass_fields__.items() if one.compare)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Noun) and type(self) is type(other) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash((type(self), self._compared()))

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name, one in self.__dataclass_fields__.items() if one.repr)
        return f"{type(self).__name__}({', '.join(shown)})"
