"""Two plans as one, for `--dry-run`."""

from dataclasses import replace

from shoal.compose.operations import BuildImage, Call, Operation, Plan, Pull


def preview(images: Plan, up: Plan) -> Plan:
    """The operations of `images`, then those of `up`; a container is created after its image is there."""
    made = {one.reference: one.id for one in images.operations if isinstance(one, (Pull, BuildImage))}

    def joined(operation: Operation) -> Operation:
        if not isinstance(operation, Call) or operation.request.path != "/containers/create":
            return operation
        image = made.get((operation.request.body or {}).get("Image", ""))
        return replace(operation, depends_on=(image, *operation.depends_on)) if image else operation

    return Plan(
        operations=(*images.operations, *(joined(one) for one in up.operations)),
        warnings=tuple(dict.fromkeys(images.warnings + up.warnings)),
        unchanged=tuple(dict.fromkeys(images.unchanged + up.unchanged)),
        told={**images.told, **up.told},
        questions=images.questions + up.questions,
    )
