"""Jobs of a stack's files: services that run to completion, loaded as services are, told apart by their `triggers`."""

from shoal.compose.loading.tree import BadValue, Map, marks_of


def with_jobs(tree: Map) -> Map:
    """`tree` with its jobs among the services. Raises: InvalidArgument for a name that both have"""
    jobs, services = tree.get("jobs") or Map(), tree.get("services") or Map()
    if not jobs:
        return tree
    for name in jobs:
        if name in services:
            raise BadValue(("jobs", name), f'there is a service "{name}" too; names are of one or the other').located(
                tree
            )
    joined = Map({**services, **jobs}, services.mark)
    joined.marks = {**marks_of(services), **marks_of(jobs)}
    return tree.like({**{key: value for key, value in tree.items() if key != "jobs"}, "services": joined})


def without_jobs(tree: Map) -> Map:
    """`tree` with jobs in their own section again."""
    services = tree.get("services") or Map()
    jobs = {name: one for name, one in services.items() if isinstance(one, Map) and "triggers" in one}
    if not jobs:
        return tree
    rest = {name: one for name, one in services.items() if name not in jobs}
    result = tree.like({**tree, "services": services.like(rest), "jobs": services.like(jobs)})
    result.marks = {**tree.marks, "jobs": services.mark} if services.mark else tree.marks
    return result
