"""A volume: a directory that outlives containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: label of a volume that was made for a container and has no name of its own
ANONYMOUS_LABEL = "com.docker.volume.anonymous"
LOCAL_DRIVER = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume.

    options: for the driver; of `local` what it mounts, {"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/path"},
        {} = a directory
    mountpoint: of a plugin's volume, where it was when last asked
    """

    name: str
    driver: str = LOCAL_DRIVER
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    created_at: int = 0  #: ns since the epoch, UTC
    scope: str = "local"  #: local, or global where all nodes see the same volume
    mountpoint: str = ""

    @property
    def key(self) -> str:
        """The name."""
        return self.name

    @property
    def is_plugins(self) -> bool:
        """A plugin has it."""
        return self.driver != LOCAL_DRIVER

    @property
    def is_anonymous(self) -> bool:
        """Made for a container, without a name of its own."""
        return ANONYMOUS_LABEL in self.labels
