"""Who we are at a registry."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAuth:
    """Credentials for one registry, as the client sent them. Source: Docker Engine API v1.51, AuthConfig.

    identity_token: a refresh token that stands for user and password
    registry_token: a bearer token that is sent as it is
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    server_address: str = ""

    @property
    def is_anonymous(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.username or self.identity_token or self.registry_token)
