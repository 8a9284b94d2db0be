"""`shoal image stand-in`: images made from recipes where no registry can be reached."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.flags import Options, switch
from shoal.cli.progress import show_messages


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    body = {"References": arguments, "Force": options.flag("force")}
    with context.api.images.make_stand_ins(body) as response:
        show_messages(response.json_values(), context.stdout, is_terminal=context.stdout_is_terminal())
    return 0


STAND_IN = Command(
    "[OPTIONS] NAME[:TAG] [NAME[:TAG]...]",
    _run,
    (switch("force", "", "Make the stand-in even where the image, or one made before, is there"),),
    arguments=(1, MANY),
    notes="A stand-in is built on this machine from a recipe (debian, python, redis, nginx, busybox, alpine) and\n"
    "carries labels that name the recipe, the real version inside, and the reference that it stands for.",
)
