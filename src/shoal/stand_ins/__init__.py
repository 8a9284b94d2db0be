"""Recipes of stand-ins: images made on this machine where a registry can't be reached.

A recipe is a folder with a Dockerfile and its files (package data), or, for the base, the distribution's packages. It
writes the version of what it holds into VERSION_FILE of the image. A stand-in is never silent: its labels name the
recipe, the version inside and the reference that it stands for.
"""

from shoal.errors import InvalidArgument
from shoal.oci.reference import parse_reference
from shoal.stand_ins.recipes import RECIPES, Recipe

LABEL_RECIPE = "io.shoal.stand-in.recipe"
LABEL_VERSION = "io.shoal.stand-in.version"
LABEL_FOR = "io.shoal.stand-in.for"
VERSION_FILE = "/usr/share/shoal/stand-in"


def find_recipe(reference: str) -> Recipe | None:
    """The recipe of a stand-in for `reference`, None where there is none. Raises: InvalidArgument for no reference

    Of an "-alpine" image the shell is busybox's, as scripts for these expect.
    """
    parsed = parse_reference(reference).with_default_tag()
    if parsed.digest:
        return None
    for recipe in RECIPES:
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
        names = ", ".join(dict.fromkeys(r.repository.rpartition("/")[2] for r in RECIPES))
        raise InvalidArgument(f'no recipe for a stand-in of "{reference}"', hint=f"there are recipes for {names}")
    return recipe


def _serves(recipe: Recipe, tag: str) -> bool:
    words = tag.split("-")
    if (recipe.variant and recipe.variant not in words) or not set(words).isdisjoint(recipe.without):
        return False
    return not recipe.tags or any(tag == start or tag.startswith((f"{start}-", f"{start}.")) for start in recipe.tags)
