"""Dashboards of every schema in one form, that of schema 36: `gridPos`, `fieldConfig`, data sources by UID.

Pure: the dashboard that is given is not changed. Source: Grafana's pages "Dashboard JSON model" and "Migrations".
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .graph import upgrade_graph
from .layout import place_panels
from .mappings import upgrade_field_options, upgrade_mappings
from .singlestat import upgrade_singlestat
from .sources import SourceNames
from .table import is_old_table, upgrade_table

Json = dict[str, Any]
_TYPES: dict[str, Callable[[Json], Json]] = {
    "graph": upgrade_graph,
    "singlestat": upgrade_singlestat,
    "grafana-singlestat-panel": upgrade_singlestat,
    "table-old": upgrade_table,
}


def upgrade_dashboard(dashboard: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> Json:
    """`dashboard` in the newest form.

    sources: all data sources as the API lists them; panels that name none get the default one
    """
    upgraded = copy.deepcopy(dict(dashboard))
    variables = _variables(upgraded)
    names = SourceNames(sources, [str(each.get("name", "")) for each in variables])
    upgraded["templating"] = {"list": [_variable(each, names) for each in variables]}
    upgraded["panels"] = [_panel(each, names) for each in place_panels(upgraded)]
    upgraded.pop("rows", None)
    upgraded["time"] = upgraded.get("time") or {"from": "now-6h", "to": "now"}
    return upgraded


def _variables(dashboard: Json) -> list[Json]:
    templating = dashboard.get("templating") or {}
    return [each for each in templating.get("list") or [] if isinstance(each, dict) and each.get("name")]


def _variable(variable: Json, names: SourceNames) -> Json:
    query = variable.get("query")
    if isinstance(query, dict):
        variable["query"] = query.get("query") or ""
    if variable.get("type", "query") == "query":
        variable["type"] = "query"
        variable["datasource"] = names.reference(variable.get("datasource"))
    variable["current"] = variable.get("current") or {}
    return variable


def _panel(panel: Json, names: SourceNames) -> Json:
    kind = panel.get("type", "")
    if kind == "row":
        panel["panels"] = [_panel(each, names) for each in panel.get("panels") or []]
        return panel
    if kind in _TYPES:
        panel = _TYPES[kind](panel)
    elif kind == "table" and is_old_table(panel):
        panel = upgrade_table(panel)
    elif kind == "text":
        panel = _text(panel)
    panel = _field_config(panel)
    panel["datasource"] = names.reference(panel.get("datasource"))
    panel["targets"] = [_target(each, panel["datasource"], names) for each in panel.get("targets") or []]
    return panel


def _text(panel: Json) -> Json:
    options = panel.get("options") or {}
    content = options.get("content", panel.get("content", ""))
    panel["options"] = {"mode": options.get("mode", panel.get("mode", "markdown")), "content": content}
    return panel


def _field_config(panel: Json) -> Json:
    panel = upgrade_field_options(panel)
    config = panel.get("fieldConfig") or {}
    defaults = {**(config.get("defaults") or {})}
    defaults["mappings"] = upgrade_mappings(defaults.get("mappings") or [])
    panel["fieldConfig"] = {"defaults": defaults, "overrides": config.get("overrides") or []}
    panel["options"] = panel.get("options") or {}
    return panel


def _target(target: Json, panel_source: Any, names: SourceNames) -> Json:
    source = target.get("datasource")
    target["datasource"] = names.reference(source) if source else panel_source
    target.setdefault("refId", "A")
    return target
