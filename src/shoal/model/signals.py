"""Signals by name, as Docker reads them."""

from shoal.errors import InvalidArgument

_NAMES = """
HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU
XFSZ VTALRM PROF WINCH IO PWR SYS
"""
SIGNALS = {name: number for number, name in enumerate(_NAMES.split(), 1)} | {"IOT": 6, "CLD": 17, "POLL": 29}
RTMIN, RTMAX = 34, 64


def parse_signal(text: str) -> int:
    """The number of "SIGTERM", "term", "15", "RTMIN+3" or "SIGRTMAX-1". Raises: InvalidArgument"""
    if text.isascii() and text.isdigit():
        if len(text) < 4 and 0 < int(text) <= RTMAX:
            return int(text)
        raise InvalidArgument(f"invalid signal: {text}")
    name = text.upper().removeprefix("SIG")
    if name in SIGNALS:
        return SIGNALS[name]
    if number := _realtime(name):
        return number
    raise InvalidArgument(f"invalid signal: {text}")


def _realtime(name: str) -> int:
    for start, base, sign in (("RTMIN", RTMIN, "+"), ("RTMAX", RTMAX, "-")):
        rest = name.removeprefix(start)
        if rest == name:
            continue
        if not rest:
            return base
        if rest[0] == sign and rest[1:].isdecimal() and len(rest) < 4:
            number = base + int(rest)
            return number if RTMIN <= number <= RTMAX else 0
    return 0
