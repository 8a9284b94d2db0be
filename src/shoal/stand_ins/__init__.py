"""Recipes of stand-ins: images made on this machine where a registry can't be reached.

A recipe is a folder with a Dockerfile and its files (package data), or, for the base, the distribution's packages. It
writes the version of what it holds into VERSION_FILE of the image. A stand-in is never silent: its labels name the
recipe, the version inside and the reference that it stands for.
"""

from dataclasses import dataclass

from shoal.errors import InvalidArgument
from shoal.oci.reference import parse_reference

LABEL_RECIPE = "io.shoal.stand-in.recipe"
LABEL_VERSION = "io.shoal.stand-in.version"
LABEL_FOR = "io.shoal.stand-in.for"
VERSION_FILE = "/usr/share/shoal/stand-in"

BASE = "docker.io/library/debian"
BASE_REFERENCE = "debian:bookworm-slim"
SUITE = "bookworm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a stand-in is made.

    name: of the folder with its Dockerfile; "debian" has none: it is bootstrapped
    title: what is inside, for people
    repository: whole name of the images that it stands for
    target: stage of the Dockerfile; "" = the last
    tags: beginnings of the tags that it can stand for; () = all
    """

    name: str
    title: str
    repository: str
    target: str = ""
    tags: tuple[str, ...] = ()


#: Debian's other releases are other systems: no tag of them is served
_DEBIAN_TAGS = ("bookworm", "12", "latest", "stable")
_RECIPES = (
    Recipe(name="debian", title="Debian 12 from the distribution's packages", repository=BASE, tags=_DEBIAN_TAGS),
    Recipe(name="python", title="Python from Debian 12", repository="docker.io/library/python", target="plain"),
    Recipe(name="redis", title="Redis from Debian 12", repository="docker.io/library/redis", target="plain"),
    Recipe(name="nginx", title="nginx from Debian 12", repository="docker.io/library/nginx", target="plain"),
    Recipe(name="busybox", title="static busybox from Debian", repository="docker.io/library/busybox"),
    Recipe(name="busybox", title="static busybox, no apk", repository="docker.io/library/alpine"),
)


def find_recipe(reference: str) -> Recipe | None:
    """The recipe of a stand-in for `reference`, None where there is none. Raises: InvalidArgument for no reference

    Of an "-alpine" image the shell is busybox's, as scripts for these expect.
    """
    parsed = parse_reference(reference).with_default_tag()
    if parsed.digest:
        return None
    for recipe in _RECIPES:
        if recipe.repository != parsed.name or not _serves(recipe, parsed.tag):
            continue
        is_alpine = recipe.target == "plain" and "alpine" in parsed.tag
        return Recipe(
            name=recipe.name,
            title=recipe.title,
            repository=recipe.repository,
            target="alpine" if is_alpine else recipe.target,
        )
    return None


def require_recipe(reference: str) -> Recipe:
    """As `find_recipe`. Raises: InvalidArgument where there is none"""
    recipe = find_recipe(reference)
    if recipe is None:
        names = ", ".join(r.repository.rpartition("/")[2] for r in _RECIPES)
        raise InvalidArgument(f'no recipe for a stand-in of "{reference}"', hint=f"there are recipes for {names}")
    return recipe


def _serves(recipe: Recipe, tag: str) -> bool:
    return not recipe.tags or any(tag == start or tag.startswith((f"{start}-", f"{start}.")) for start in recipe.tags)
