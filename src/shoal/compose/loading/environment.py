"""Files that services name: `env_file` and `label_file`, worked into `environment` and `labels`."""

from collections.abc import Mapping
from typing import Any

from shoal.compose.loading.dotenv import parse_dotenv, parse_raw
from shoal.compose.loading.files import Context
from shoal.compose.loading.tree import BadValue, Map, Path


def with_environment(tree: Map, context: Context, env: Mapping[str, str]) -> Map:
    """`tree` with `env_file` and `label_file` of every service read, and variables without a value looked up."""
    services = tree.get("services") or Map()
    done = {name: _service(tree, ("services", name), one, context, env) for name, one in services.items()}
    return tree.like({**tree, "services": services.like(done)})


def _service(tree: Map, path: Path, service: Map, context: Context, env: Mapping[str, str]) -> Map:
    result = service.like(service)
    files = result.pop("env_file", None) or ()
    variables: dict[str, Any] = {}
    own = service.get("environment") or Map()
    # As Docker Compose: a value in an env file may name variables from outside, the service's own, and those before it.
    known = {key: str(value) for key, value in _resolved(own, env).items() if value is not None}
    for position, entry in enumerate(files):
        before = {**variables, **known}
        variables |= _env_file(tree, (*path, "env_file", position), entry, context, env, before)
    if files or own:
        result["environment"] = own.like({**variables, **_resolved(own, env)})
    if label_files := result.pop("label_file", None):
        labels: dict[str, str] = {}
        for position, file in enumerate(label_files):
            text = context.text_of(file, tree, (*path, "label_file", position))
            labels |= parse_dotenv(text, {**env, **labels}.get, file)
        known = service.get("labels") or Map()
        result["labels"] = known.like({**labels, **known})
    if isinstance(build := result.get("build"), Map) and build.get("args"):
        args = {key: value for key, value in _resolved(build["args"], env).items() if value is not None}
        result["build"] = build.like({**build, "args": build["args"].like(args)})
    if hooks := result.get("pre_start"):
        done = [_service(tree, (*path, "pre_start", i), hook, context, env) for i, hook in enumerate(hooks)]
        result["pre_start"] = hooks.like(done)
    for key in ("post_start", "pre_stop"):
        if hooks := result.get(key):
            result[key] = hooks.like([_hook(hook, env) for hook in hooks])
    return result


def _resolved(variables: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    return {key: env.get(key) if value is None else value for key, value in variables.items()}


def _hook(hook: Map, env: Mapping[str, str]) -> Map:
    variables = hook.get("environment")
    return hook.like({**hook, "environment": variables.like(_resolved(variables, env))}) if variables else hook


def _env_file(
    tree: Map, path: Path, entry: Map, context: Context, env: Mapping[str, str], before: Mapping[str, str]
) -> dict[str, str]:
    file = entry["path"]
    try:
        text = context.read(file)
    except FileNotFoundError:
        if not entry.get("required", True):
            return {}
        raise BadValue(path, f"env file {file} not found: no such file or directory") from None
    except OSError:
        text = context.text_of(file, tree, path)
    except UnicodeDecodeError:
        raise BadValue(path, f"env file {file} is not a text file") from None
    lookup = {**before, **env}.get
    kind = entry.get("format")
    if kind == "raw":
        return parse_raw(text, lookup)
    if kind not in (None, ""):
        raise BadValue((*path, "format"), f'unknown format "{kind}": expected raw')
    return parse_dotenv(text, lookup, file)
