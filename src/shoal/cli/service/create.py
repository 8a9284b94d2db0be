"""`shoal service create`."""

from __future__ import annotations

from shoal.cli.command import MANY, Command, Context
from shoal.cli.flags import Options
from shoal.cli.service.image import fix_image, header_of, with_tag
from shoal.cli.service.spec.flags import CREATE_FLAGS
from shoal.cli.service.spec.service import new_spec


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    spec = new_spec(options, arguments, context.api, context.env)
    template = spec["TaskTemplate"]
    image = arguments[0]
    auth = header_of(context, image, is_wanted=options.flag("with-registry-auth"))
    if options.flag("no-resolve-image"):
        template["ContainerSpec"]["Image"] = with_tag(image)
    else:
        fix_image(context, template, image, auth=auth)
    answer = context.api.services.create(spec, auth=auth)
    for warning in answer.get("Warnings") or ():
        context.warn(warning)
    context.print(answer["ID"])
    if options.flag("detach") or spec.get("Schedule"):
        return 0
    from shoal.cli.service.progress import wait_on_service

    return wait_on_service(context, answer["ID"], is_quiet=options.flag("quiet"), stable_ns=options.number("verify"))


CREATE = Command("[OPTIONS] IMAGE [COMMAND] [ARG...]", _run, CREATE_FLAGS, arguments=(1, MANY), is_interspersed=False)
