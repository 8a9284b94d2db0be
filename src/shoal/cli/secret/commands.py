"""`shoal secret create`, `ls`, `inspect` and `rm`."""

from __future__ import annotations

from shoal.cli.secret.files import Noun, create_command, inspect_command, ls_command, rm_command

_NOUN = Noun("secret")

CREATE = create_command(_NOUN)
LS = ls_command(_NOUN)
INSPECT = inspect_command(_NOUN)
RM = rm_command(_NOUN)
