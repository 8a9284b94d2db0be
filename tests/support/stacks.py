"""Stacks from texts, and a cluster that is only a value: plans applied to what was observed."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shoal.compose.project import Project
from shoal.compose.to_services.observed import Found, ObservedStack
from shoal.compose.to_services.plan import Step, with_ids
from shoal.compose.to_services.service import PinnedImage
from shoal.compose.to_services.stack import Stack, file_paths, stack_of
from tests.support.compose_projects import load_text


def stack_project(*texts: str, name: str = "app", **options: Any) -> Project:
    """The project of the texts, loaded for a stack."""
    return load_text(*texts, stack=True, project_name=name, **options).project


def stack_from(*texts: str, contents: dict[str, bytes] | None = None, name: str = "app", **options: Any) -> Stack:
    """The stack of the texts. contents: by path of the files of secrets and configs; else their path"""
    project = stack_project(*texts, name=name, **options)
    known = contents or {}
    files = {key: known.get(path, path.encode()) for key, path in file_paths(project).items()}
    images: dict[str, PinnedImage] = {}
    return stack_of(project, images, files)


def body_of(text: str, **options: Any) -> dict[str, Any]:
    """The body of the service `a`, whose keys are `text`."""
    lines = "\n".join(f"    {line}" for line in text.strip("\n").splitlines())
    image = "" if "image:" in text or "build:" in text else "    image: busybox\n"
    stack = stack_from(f"services:\n  a:\n{image}{lines}\n", **options)
    return dict(next(one for one in stack.services if one.key == "a").body)


def container_of(text: str, **options: Any) -> dict[str, Any]:
    """Its ContainerSpec."""
    found: dict[str, Any] = body_of(text, **options)["TaskTemplate"]["ContainerSpec"]
    return found


def after(observed: ObservedStack, steps: Iterable[Step]) -> ObservedStack:
    """The cluster when the steps are done."""
    state = {
        "network": dict(observed.networks),
        "secret": dict(observed.secrets),
        "config": dict(observed.configs),
        "service": dict(observed.services),
    }
    ids: dict[tuple[str, str], str] = {}
    for step in steps:
        objects = state[step.kind]
        if step.action == "keep":
            continue
        if step.action == "remove":
            del objects[step.name]
            continue
        body = with_ids(step.body, ids) if step.kind == "service" else dict(step.body)
        before = objects.get(step.name)
        if step.kind == "secret":
            body.pop("Data", None)
        if step.kind == "network":
            body = {"Scope": "swarm", **body}
        identity = step.id or f"id-of-{step.name}"
        ids[step.kind, step.name] = identity
        found = Found(kind=step.kind, id=identity, name=step.name, version=step.version + 1, spec=body)
        objects[step.name] = replace(found, previous=before.spec) if before else found
    return ObservedStack(
        services=state["service"], networks=state["network"], secrets=state["secret"], configs=state["config"]
    )


def lines(steps: Iterable[Step]) -> list[str]:
    """The steps that do something: "create service app_web"."""
    return [f"{step.action} {step.kind} {step.name}" for step in steps if step.action != "keep"]
