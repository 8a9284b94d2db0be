"""`shoal compose build`, `pull` and `push`."""

from __future__ import annotations

from shoal.cli.command import Command, Context
from shoal.cli.compose.base.session import Session
from shoal.cli.compose.flags import DRY_RUN, STAND_INS
from shoal.cli.errors import UsageError
from shoal.cli.flags import Flag, Options, several, switch
from shoal.cli.values import split_pair
from shoal.compose.plan import plan_build, plan_pull, plan_push
from shoal.compose.planning.options import BuildOptions, PullOptions, PushOptions
from shoal.errors import NotSupported

_NOT_SERVED = ("builder", "check", "print", "provenance", "sbom", "ssh")


def _build(context: Context, options: Options, services: list[str]) -> int:
    for name in _NOT_SERVED:
        if options.is_given(name):
            raise NotSupported(f"--{name} is not supported: images are built without BuildKit")
    session = Session(context, options)
    project = session.project(services)
    plan = plan_build(
        project,
        BuildOptions(
            services=tuple(services),
            with_dependencies=options.flag("with-dependencies"),
            args=dict(split_pair(text) for text in options.list("build-arg")),
            no_cache=options.flag("no-cache"),
            pull=options.flag("pull"),
            memory_bytes=options.number("memory"),
        ),
    )
    if session.dry_run:
        session.show(plan)
        return 0
    if not plan:
        context.warn("No services to build")
        return 0
    session.apply(plan, "Building", quiet=options.flag("quiet"), stand_ins=options.flag("stand-ins"))
    if options.flag("push"):
        session.apply(plan_push(project, PushOptions(services=tuple(services))), "Pushing", quiet=options.flag("quiet"))
    return 0


def _pull(context: Context, options: Options, services: list[str]) -> int:
    if options.text("policy") not in ("", "missing", "always"):
        raise UsageError(f'invalid --policy value "{options.text("policy")}"; wanted missing or always')
    session = Session(context, options)
    project = session.project(services)
    plan = plan_pull(
        project,
        session.observe(project.name, images=True),
        PullOptions(
            services=tuple(services),
            include_deps=options.flag("include-deps"),
            ignore_buildable=options.flag("ignore-buildable"),
            ignore_failures=options.flag("ignore-pull-failures"),
            policy=options.text("policy"),
        ),
    )
    if session.dry_run:
        session.show(plan)
    else:
        session.apply(plan, "Pulling", quiet=options.flag("quiet"), stand_ins=options.flag("stand-ins"))
    return 0


def _push(context: Context, options: Options, services: list[str]) -> int:
    session = Session(context, options)
    project = session.project(services)
    wanted = PushOptions(
        services=tuple(services),
        include_deps=options.flag("include-deps"),
        ignore_failures=options.flag("ignore-push-failures"),
    )
    plan = plan_push(project, wanted)
    if session.dry_run:
        session.show(plan)
    else:
        session.apply(plan, "Pushing", quiet=options.flag("quiet"))
    return 0


BUILD = Command(
    "[OPTIONS] [SERVICE...]",
    _build,
    (
        several("build-arg", "", "Set build-time variables for services", metavar="stringArray"),
        Flag("builder", ""),
        switch("check", ""),
        DRY_RUN,
        Flag("memory", "m", "Set memory limit for the build container", kind="bytes"),
        switch("no-cache", "", "Do not use cache when building the image"),
        switch("print", ""),
        Flag("provenance", ""),
        switch("pull", "", "Always attempt to pull a newer version of the image"),
        switch("push", "", "Push service images"),
        switch("quiet", "q", "Suppress the build output"),
        Flag("sbom", ""),
        Flag("ssh", ""),
        STAND_INS,
        switch("with-dependencies", "", "Also build dependencies (transitively)"),
    ),
)
PULL = Command(
    "[OPTIONS] [SERVICE...]",
    _pull,
    (
        DRY_RUN,
        switch("ignore-buildable", "", "Ignore images that can be built"),
        switch("ignore-pull-failures", "", "Pull what it can and ignores images with pull failures"),
        switch("include-deps", "", "Also pull services declared as dependencies"),
        Flag("policy", "", 'Apply pull policy ("missing"|"always")'),
        switch("quiet", "q", "Pull without printing progress information"),
        STAND_INS,
    ),
)
PUSH = Command(
    "[OPTIONS] [SERVICE...]",
    _push,
    (
        DRY_RUN,
        switch("ignore-push-failures", "", "Push what it can and ignores images with push failures"),
        switch("include-deps", "", "Also push images of services declared as dependencies"),
        switch("quiet", "q", "Push without printing progress information"),
    ),
)
