"""Loading: the texts of Compose files → `Project`.

Phases, each in its own module of `loading`: node tree with positions, interpolation, key check, extends, include,
merge, canonical form, normalisation, consistency, typed values.

A message about the file starts with where it is: `compose.yaml:7:5: services.web.prots: …`.
"""

from collections.abc import Callable, Mapping, Sequence

from shoal.compose.noun import Noun, field
from shoal.compose.project import Project


class Source(Noun):
    """A Compose file that was read already.

    path: absolute; messages show it as `shown`, or whole where that is ""
    """

    path: str
    text: str
    shown: str = ""


#: The text of the file at an absolute path; raises OSError (FileNotFoundError where there is none).
Read = Callable[[str], str]


class LoadOptions(Noun):
    """How to load.

    working_dir: absolute; relative paths start there (`--project-directory`, else the folder of the first file)
    project_name: from `-p` or COMPOSE_PROJECT_NAME; "" takes `name:` of the file, else the folder's name
    profiles: active ones; `*` is all
    services: asked for by name; their own profiles become active. () is all
    interpolate, normalize, resolve_paths, resolve_env, check: False leaves that phase out, for `compose config`
    check_support: keys that Shoal cannot honour are errors; False makes them warnings
    all_resources: keep networks, volumes, secrets and configs that no service uses
    home: what `~` stands for; "" where it is not known
    env_files: of the project (`--env-file`, `.env`), for the label and for includes
    stack: for a cluster: jobs are services, names are Docker's for stacks, what a stack can't do is refused
    """

    working_dir: str
    project_name: str = ""
    profiles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    interpolate: bool = True
    normalize: bool = True
    resolve_paths: bool = True
    resolve_env: bool = True
    check: bool = True
    check_support: bool = True
    compatibility: bool = False
    all_resources: bool = False
    home: str = ""
    env_files: tuple[str, ...] = ()
    stack: bool = False


class LoadResult(Noun):
    """A project and what the user should know about its files.

    variables: every variable that the files name: {name: default, "" where there is none}
    """

    project: Project
    warnings: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def load(sources: Sequence[Source], env: Mapping[str, str], options: LoadOptions, read: Read) -> LoadResult:
    """The project that the files describe, merged in order.

    env: shell environment with the project's .env files under it (see `loading.dotenv.parse`)
    read: called for `extends`, `include`, `env_file` and `label_file`
    Raises: InvalidArgument with file, line and column of the first error
    """
    from shoal.compose.loading.loader import load_project

    return load_project(sources, env, options, read)
