"""The log options of a container, read."""

import re

from shoal.errors import InvalidArgument
from shoal.model.container import LogConfig
from shoal.model.units import parse_size_bytes

_LOCAL_MAX_BYTES = 20 << 20
_LOCAL_MAX_FILES = 5
_KNOWN = (
    "max-size",
    "max-file",
    "labels",
    "labels-regex",
    "env",
    "env-regex",
    "tag",
    "compress",
    "mode",
    "max-buffer-size",
)


def log_limits(config: LogConfig) -> tuple[int, int]:
    """(bytes of one file, number of files); 0 bytes = no limit.

    Raises: InvalidArgument, in Docker's words
    """
    options = config.options
    for name in options:
        if name not in _KNOWN:
            raise InvalidArgument(f"unknown log opt '{name}' for {config.driver} log driver")
    local = config.driver == "local"
    size = options.get("max-size", "")
    max_bytes = _LOCAL_MAX_BYTES if local else 0
    if size and size != "-1":
        try:
            max_bytes = parse_size_bytes(size)
        except ValueError:
            raise InvalidArgument(f"invalid size: '{size}'") from None
    files = options.get("max-file", "")
    if files and (not re.fullmatch(r"[0-9]{1,6}", files) or int(files) < 1):
        raise InvalidArgument("max-file cannot be less than 1")
    if files and int(files) > 1 and not max_bytes:
        raise InvalidArgument("max-file cannot be used without max-size")
    return max_bytes, int(files) if files else (_LOCAL_MAX_FILES if local else 1)
