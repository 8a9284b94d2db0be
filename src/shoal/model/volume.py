"""A volume: a directory that outlives containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: label of a volume that was made for a container and has no name of its own
ANONYMOUS_LABEL = "com.docker.volume.anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of the `local` driver.

    options: what the driver mounts, {"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/path"}; {} = a directory
    """

    name: str
    driver: str = "local"
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    created_at: int = 0  #: ns since the epoch, UTC

    @property
    def key(self) -> str:
        """The name."""
        return self.name

    @property
    def is_anonymous(self) -> bool:
        """Made for a container, without a name of its own."""
        return ANONYMOUS_LABEL in self.labels
