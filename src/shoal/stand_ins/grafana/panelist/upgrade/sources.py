"""Data sources as dashboards name them: by name, by UID, by a variable, by nothing."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_VARIABLE = re.compile(r"^\$(?:\{(\w+)(?::\w+)?\}|(\w+))$|^\[\[(\w+)\]\]$")
MIXED = "-- Mixed --"


class SourceNames:
    """Finds the data source that a panel means. `variables`: names of the dashboard's variables."""

    def __init__(self, sources: Sequence[Mapping[str, Any]], variables: Sequence[str]) -> None:
        self._by_name = {str(each["name"]): each for each in sources}
        self._by_uid = {str(each["uid"]): each for each in sources}
        self._default = next((each for each in sources if each.get("isDefault")), sources[0] if sources else None)
        self._variables = set(variables)

    def reference(self, named: Any) -> dict[str, str]:
        """`{uid, type}` of what a panel, a target or a variable names; a variable's name stays for who has its value.

        An import's placeholder that nothing fills (`${DS_PROMETHEUS}`) gives the default one
        """
        uid, kind = (named.get("uid"), named.get("type") or "") if isinstance(named, dict) else (named, "")
        if uid in (None, "", "default"):
            return self._of_type(kind)
        uid = str(uid)
        if match := _VARIABLE.match(uid):
            if (match[1] or match[2] or match[3]) in self._variables:
                return {"uid": uid, "type": kind}
            return self._of_type(kind)
        found = self._by_uid.get(uid) or self._by_name.get(uid)
        return _reference(found) if found else {"uid": uid, "type": kind}

    def _of_type(self, kind: str) -> dict[str, str]:
        of_type = [each for each in self._by_uid.values() if each["type"] == kind]
        default = self._default
        if default is not None and (not kind or default["type"] == kind or not of_type):
            return _reference(default)
        return _reference(of_type[0]) if of_type else {"uid": "", "type": kind}


def _reference(source: Mapping[str, Any]) -> dict[str, str]:
    return {"uid": str(source["uid"]), "type": str(source["type"])}
