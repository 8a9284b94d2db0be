"""One Compose file with what it pulls in: text → canonical tree, paths absolute, `extends` and `include` done."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import reduce
from typing import Any

from shoal.compose.keys.table import ROOT
from shoal.compose.keys.types import check_value
from shoal.compose.loading.canonical import FILE, canonical
from shoal.compose.loading.dotenv import parse_dotenv
from shoal.compose.loading.interpolation import Interpolator, interpolate
from shoal.compose.loading.merge import cleaned, merge
from shoal.compose.loading.paths import Base, is_url, resolve_paths
from shoal.compose.loading.tree import BadValue, Map, Path, Seq, dotted, locate, templated
from shoal.compose.loading.v1 import is_v1, upgraded
from shoal.compose.loading.yaml_tree import parse_yaml
from shoal.errors import InvalidArgument, NotSupported, ShoalError

_SECTIONS = ("services", "jobs", "networks", "volumes", "secrets", "configs", "models")


@contextmanager
def located(tree: Any) -> Iterator[None]:
    """Turns a BadValue into an error that names the line in `tree`."""
    try:
        yield
    except BadValue as error:
        raise error.located(tree) from None
    except RecursionError:
        raise InvalidArgument("nested too deeply") from None


class Context:
    """What all files of one load share.

    v1: a file of the first format was among them
    unset: variables without a value; variables: all that the files name, {name: default}
    """

    def __init__(self, read: Callable[[str], str], home: str, *, interpolate: bool, resolve_paths: bool) -> None:
        self.read = read
        self.home = home
        self.interpolate = interpolate
        self.resolve_paths = resolve_paths
        self.v1 = False
        self.unset: dict[str, None] = {}
        self.variables: dict[str, str] = {}
        self.extended: dict[str, Map] = {}

    def text_of(self, path: str, tree: Any = None, at: Path = ()) -> str:
        """The text of a file that the place `at` in `tree` names."""
        mark = locate(tree, at) if tree is not None else None
        where = f"{mark}: {dotted(at)}: " if mark else ""
        try:
            return self.read(path)
        except FileNotFoundError:
            raise InvalidArgument(f"{where}open {path}: no such file or directory") from None
        except UnicodeDecodeError:
            raise InvalidArgument(f"{where}{path}: not a text file") from None
        except OSError as error:
            raise InvalidArgument(f"{where}open {path}: {(error.strerror or str(error)).lower()}") from None


class FileLoader:
    """Loads files with one environment and one base folder.

    chain: the files that include each other down to this one
    """

    def __init__(self, context: Context, env: Mapping[str, str], base: Base, chain: tuple[str, ...] = ()) -> None:
        self._context = context
        self._env = env
        self._base = base
        self._chain = chain

    def documents(self, path: str, text: str, shown: str) -> list[Map]:
        """The documents of a file as they stand, in today's format."""
        result = []
        for document in parse_yaml(text, shown):
            if not isinstance(document, Map):
                raise InvalidArgument(f"{shown}: top-level object must be a mapping")
            if is_v1(document):
                self._context.v1 = True
                document = upgraded(document)
            result.append(document)
        return result

    def trees(self, path: str, documents: list[Map]) -> list[Map]:
        """The documents in canonical form, with what they extend and include."""
        return [self._complete(path, self._prepared(document)) for document in documents]

    def _prepared(self, document: Map) -> Map:
        """One document: variables replaced, keys checked, canonical, paths absolute."""
        context = self._context
        with located(document):
            if context.interpolate:
                interpolator = Interpolator(self._env.get)
                document = interpolate(document, interpolator)
                context.unset |= interpolator.unset
                context.variables |= interpolator.variables
            else:
                _note_variables(document, context.variables)
                document = templated(document)
            check_value(ROOT, document, ())
            tree: Map = canonical(document, FILE, lenient=not context.interpolate)
            return resolve_paths(tree, self._base) if context.resolve_paths else tree

    def _complete(self, path: str, tree: Map) -> Map:
        with located(tree):
            services = tree.get("services")
            if isinstance(services, Map) and any(isinstance(s, Map) and "extends" in s for s in services.values()):
                done = {name: self._extended(path, tree, name, ()) for name in services}
                tree = tree.like({**tree, "services": services.like(done)})
            if tree.get("include"):
                tree = self._included(path, tree)
        return tree

    # --- extends

    def _extended(self, path: str, tree: Map, name: str, chain: tuple[tuple[str, str], ...]) -> Any:
        """A service with all that it extends."""
        service = tree["services"][name]
        if not isinstance(service, Map) or not isinstance(service.get("extends"), Map):
            return service
        at: Path = ("services", name, "extends")
        if (path, name) in chain:
            raise BadValue(at, _circle((*chain, (path, name))), at_path=False)
        target, file = service["extends"].get("service"), service["extends"].get("file")
        if not isinstance(target, str):
            raise BadValue(at, '"service" is required')
        other_path, other = (self._base.join(file), None) if file else (path, tree)
        if other is None:
            other = self._extended_file(other_path, tree, (*at, "file"))
        if not isinstance(other.get("services"), Map) or target not in other["services"]:
            where = f" in {other_path}" if file else ""
            raise BadValue(at, f'cannot extend service "{name}"{where}: service "{target}" not found', at_path=False)
        with located(other):
            base = self._loader_of(other_path, bool(file))._extended(other_path, other, target, (*chain, (path, name)))
        own = service.like({key: value for key, value in service.items() if key != "extends"})
        return merge(cleaned(base), own, ("services", name))

    def _loader_of(self, path: str, elsewhere: bool) -> "FileLoader":
        if not elsewhere:
            return self
        return FileLoader(self._context, self._env, Base(posixpath.dirname(path), self._context.home), self._chain)

    def _extended_file(self, path: str, tree: Map, at: Path) -> Map:
        """A file named by `extends`: its own services, not yet extended."""
        known = self._context.extended
        if path not in known:
            text = self._context.text_of(path, tree, at)
            loader = self._loader_of(path, True)
            documents = loader.documents(path, text, path)
            known[path] = reduce(merge, (loader._prepared(document) for document in documents), Map())
        return known[path]

    # --- include

    def _included(self, path: str, tree: Map) -> Map:
        """`tree` with the resources of what it includes."""
        result = tree.like({key: value for key, value in tree.items() if key != "include"})
        chain = (*self._chain, path)
        for position, entry in enumerate(tree["include"]):
            at: Path = ("include", position)
            imported = self._include_entry(entry if isinstance(entry, Map) else Map({"path": entry}), tree, at, chain)
            _import(result, imported, at)
        return result

    def _include_entry(self, entry: Map, tree: Map, at: Path, chain: tuple[str, ...]) -> Map:
        paths = [str(one) for one in _listed(entry.get("path"))]
        if not paths:
            raise BadValue(at, '"path" is required')
        for one in paths:
            if is_url(one):
                raise NotSupported(f'include of remote files is not supported: "{one}"')
        files = [self._base.join(one) for one in paths]
        if files[0] in chain:
            raise BadValue(at, "include cycle detected:\n" + "\n include ".join((*chain, files[0])), at_path=False)
        folder = entry.get("project_directory")
        base_folder = self._base.join(folder) if folder else posixpath.dirname(files[0])
        env = self._include_env(entry, base_folder, tree, at)
        loader = FileLoader(self._context, env, Base(base_folder, self._context.home), chain)
        trees = []
        for file in files:
            documents = loader.documents(file, self._context.text_of(file, tree, at), file)
            trees += loader.trees(file, documents)
        return reduce(merge, trees, Map())

    def _include_env(self, entry: Map, folder: str, tree: Map, at: Path) -> dict[str, str]:
        """The environment of an included file: its own .env under the one from outside."""
        env = dict(self._env)
        if "env_file" in entry:
            for one in _listed(entry["env_file"]):
                if one == "/dev/null":
                    continue
                file = self._base.join(str(one))
                values = parse_dotenv(self._context.text_of(file, tree, (*at, "env_file")), env.get, file)
                env = {**values, **env}
            return env
        file = posixpath.join(folder, ".env")
        try:
            text = self._context.text_of(file)
        except ShoalError:
            return env
        return {**parse_dotenv(text, env.get, file), **env}


def _circle(chain: tuple[tuple[str, str], ...]) -> str:
    first, *rest = (f"{name} in {path}" for path, name in chain)
    return "circular reference:\n  " + first + "".join(f"\n  extends {one}" for one in rest)


def _import(result: Map, imported: Map, at: Path) -> None:
    """Add the resources of an included file; another of the same name must be the same."""
    for section in _SECTIONS:
        known = result.get(section)
        own = Map(known) if isinstance(known, Map) else Map()
        own.marks = dict(known.marks) if isinstance(known, Map) else {}
        for name, value in (imported.get(section) or {}).items():
            if name in own and own[name] != value:
                raise BadValue(at, f"{section}.{name} conflicts with imported resource", at_path=False)
            if name not in own:
                own[name] = value
                own.marks.update({name: imported[section].marks[name]} if name in imported[section].marks else {})
        if own:
            result[section] = own


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Seq) else [value]


def _note_variables(value: Any, variables: dict[str, str]) -> None:
    """Note the variables of a file that is not interpolated."""
    interpolator = Interpolator(lambda name: None)
    with suppress(BadValue):
        interpolate(value, interpolator)
    variables |= interpolator.variables
