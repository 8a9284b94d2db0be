"""The engine's own log: one line an entry, key=value."""

import logging
from datetime import UTC, datetime

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class LogfmtFormatter(logging.Formatter):
    """time=2026-11-22T09:00:00.123Z level=info msg="container started" container=0f3a…

    Fields given by `extra` come last; a traceback follows on lines of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        words = [f"time={time}", f"level={record.levelname.lower()}", f"msg={_quoted(record.getMessage())}"]
        words += [
            f"{k}={_quoted(str(v))}" for k, v in record.__dict__.items() if k not in _PLAIN and v not in ("", None)
        ]
        text = " ".join(words)
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _quoted(text: str) -> str:
    if text and not any(c in text for c in ' "=\n\t'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def set_up_logging(level: str) -> None:
    """Everything to stderr; journald and `shoal daemon start` keep it."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogfmtFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("asyncio", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
