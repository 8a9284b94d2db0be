"""`shoal service update`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.errors import PlainError
from shoal.cli.flags import Options
from shoal.cli.service.image import fix_image, header_of, with_tag
from shoal.cli.service.spec.flags import UPDATE_FLAGS
from shoal.cli.service.spec.service import changed_spec

_WITH_ROLLBACK = ("detach", "quiet", "rollback", "verify", "with-registry-auth")


def _run(context: Context, options: Options, arguments: list[str]) -> int:
    services = context.api.services
    service = services.inspect(arguments[0])
    spec, is_rollback = service["Spec"], options.flag("rollback")
    if is_rollback:
        if any(options.is_given(flag.name) and flag.name not in _WITH_ROLLBACK for flag in UPDATE_FLAGS):
            raise PlainError("other flags may not be combined with --rollback")
    else:
        spec = changed_spec(spec, options, context.api, context.env)
    container = spec["TaskTemplate"]["ContainerSpec"]
    is_auth_sent = options.flag("with-registry-auth")
    auth = header_of(context, options.text("image") or container["Image"], is_wanted=is_auth_sent)
    if options.text("image"):
        if options.flag("no-resolve-image"):
            container["Image"] = with_tag(options.text("image"))
        else:
            fix_image(context, spec["TaskTemplate"], options.text("image"), auth=auth)
    answer = services.update(
        service["ID"],
        service["Version"]["Index"],
        spec,
        auth=auth,
        auth_from="" if is_auth_sent else "spec",
        is_rollback=is_rollback,
    )
    for warning in answer.get("Warnings") or ():
        context.warn(warning)
    context.print(arguments[0])
    if options.flag("detach") or spec.get("Schedule"):
        return 0
    from shoal.cli.service.progress import wait_on_service

    return wait_on_service(
        context,
        service["ID"],
        before=service.get("UpdateStatus"),
        is_quiet=options.flag("quiet"),
        stable_ns=options.number("verify"),
    )


UPDATE = Command("[OPTIONS] SERVICE", _run, UPDATE_FLAGS, arguments=(1, 1))
