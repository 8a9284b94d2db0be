"""The keys that leave a container's terminal. Source: docker attach, --detach-keys."""

from shoal.errors import InvalidArgument

DEFAULT = b"\x10\x11"  # ctrl-p, ctrl-q
_CONTROL = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def parse_detach_keys(text: str) -> bytes:
    """The bytes of "ctrl-p,ctrl-q" or "a,b"; "" = the default. Raises: InvalidArgument"""
    if not text:
        return DEFAULT
    return bytes(_key(part.strip(), text) for part in text.split(","))


def _key(part: str, text: str) -> int:
    if len(part) == 1 and ord(part) < 128:
        return ord(part)
    name = part.lower().removeprefix("ctrl-")
    if part.lower().startswith("ctrl-") and len(name) == 1:
        if "a" <= name <= "z":
            return ord(name) - ord("a") + 1
        if name in _CONTROL:
            return _CONTROL[name]
    raise InvalidArgument(f"Invalid detach keys ({text}) provided: Unknown character: '{part}'")


class DetachScanner:
    """Looks for the keys in a stream of input; what may be their beginning is held back."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def scan(self, data: bytes) -> tuple[bytes, bool]:
        """(what to pass on, True when the keys were typed; nothing after them is passed on)."""
        data = self._held + data
        if (found := data.find(self._keys)) >= 0:
            self._held = b""
            return data[:found], True
        held = next((n for n in range(len(self._keys) - 1, 0, -1) if data.endswith(self._keys[:n])), 0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held], False
