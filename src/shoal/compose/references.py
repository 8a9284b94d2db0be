"""Image references as Compose needs them: compared by name, tag and digest, never resolved."""


def is_digest(reference: str) -> bool:
    """Whether `reference` is a bare image id, `sha256:…`."""
    return reference.startswith("sha256:") and len(reference) == 71


def familiar(reference: str) -> str:
    """The reference as image lists print it: no default registry, `latest` spelt out."""
    name = reference
    for prefix in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(prefix)
    name = name.removeprefix("library/")
    if "@" in name:
        bare, digest = name.split("@", 1)
        return f"{_without_tag(bare)}@{digest}"
    return name if _without_tag(name) != name else f"{name}:latest"


def _without_tag(name: str) -> str:
    colon = name.rfind(":")
    return name[:colon] if colon > name.rfind("/") else name
