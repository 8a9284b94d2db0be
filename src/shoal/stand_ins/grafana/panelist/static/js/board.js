// A dashboard's page: loads it, keeps range, refresh and variables in the address, lays the panels out.

import { api, get, resource } from "./api.js";
import { rangeButtons, refreshPicker, timePicker, variableBar } from "./controls.js";
import { h, show } from "./dom.js";
import { layOut } from "./grid.js";
import { Panel } from "./panel.js";
import { sourceUid } from "./query.js";
import { openSettings } from "./settings.js";
import { durationMs, resolveRange } from "./times.js";
import { choose, inOrder, interpolate, optionsOf, ownOptions, planQuery } from "./variables.js";

export class Board {
  /** The dashboard with this UID; with "" the home dashboard. `app` has `boot`, `sources` and takes the page's title. */
  constructor(app, root, uid) {
    this.app = app;
    this.root = root;
    this.uid = uid;
    this.panels = new Map();
    this.collapsed = new Map();
    this.bar = h("div", { class: "board-bar" });
    this.variableRow = h("div", { class: "variables" });
    this.grid = h("div", { class: "grid" });
    this.isClosed = false;
  }

  async open() {
    const [{ dashboard, meta }, sources] = await Promise.all([get(this.uid ? `/api/panelist/dashboards/${encodeURIComponent(this.uid)}` : "/api/panelist/home"), get("/api/datasources")]);
    Object.assign(this, { dashboard, meta, sources });
    this.app.title(dashboard.title);
    this.variables = dashboard.templating.list;
    this.#readAddress();
    show(this.root, this.bar, this.variableRow, this.grid);
    await this.#loadVariables();
    this.#draw();
    await this.refresh();
    this.#schedule();
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const panel of this.panels.values()) panel.close();
  }

  #readAddress() {
    const query = new URLSearchParams(location.search);
    const saved = this.dashboard.time;
    this.raw = { from: query.get("from") ?? saved.from, to: query.get("to") ?? saved.to };
    this.refreshEvery = query.get("refresh") ?? (this.dashboard.refresh || "");
    this.alone = Number(query.get("viewPanel")) || null;
    this.isKiosk = query.has("kiosk");
    this.#resolve();
    this.variables.forEach((variable) => {
      const asked = query.getAll(`var-${variable.name}`);
      variable.asked = asked.length ? asked : null;
    });
  }

  #resolve() {
    const fallback = { from: Date.now() - 6 * 3600_000, to: Date.now() };
    this.range = resolveRange(this.raw, Date.now()) ?? fallback;
  }

  #writeAddress() {
    const query = new URLSearchParams(location.search);
    query.set("from", this.raw.from);
    query.set("to", this.raw.to);
    for (const [key, value] of [["refresh", this.refreshEvery], ["viewPanel", this.alone]]) {
      if (value) query.set(key, value);
      else query.delete(key);
    }
    for (const variable of this.variables) {
      query.delete(`var-${variable.name}`);
      for (const value of [variable.current.value].flat()) if (value !== undefined) query.append(`var-${variable.name}`, value);
    }
    history.replaceState(null, "", `${location.pathname}?${query}`);
  }

  async #loadVariables(only = () => true) {
    for (const variable of inOrder(this.variables)) {
      if (!only(variable)) continue;
      try {
        variable.options = await this.#optionsOf(variable);
        delete variable.error;
      } catch (error) {
        variable.options ??= [];
        variable.error = error.message;
      }
      variable.current = choose(variable, variable.options, variable.asked);
      variable.asked = null;
    }
  }

  async #optionsOf(variable) {
    const own = ownOptions(variable, this.sources, this.range);
    if (own) return own;
    if (variable.type !== "query") return [];
    const uid = sourceUid(variable.datasource, this.variables, this.sources);
    const { path, parameters, read } = planQuery(interpolate(variable.query, this.variables, "query"), this.range);
    const texts = read(await resource(uid, path, parameters));
    return optionsOf(texts, { ...variable, regex: interpolate(variable.regex ?? "", this.variables, "text") });
  }

  #pickVariable = async (variable, values) => {
    variable.current = choose(variable, variable.options, values);
    const changed = new Set([variable.name]);
    await this.#loadVariables((each) => {
      const needs = each !== variable && [each.query, each.regex, each.datasource?.uid].some((text) => [...changed].some((name) => new RegExp(`\\$\\{?${name}\\b|\\[\\[${name}\\b`).test(text ?? "")));
      if (needs) changed.add(each.name);
      return needs;
    });
    this.#writeAddress();
    this.#draw();
    await this.refresh();
  };

  variablesOf(panel) {
    return panel.scoped ? [...panel.scoped, ...this.variables] : this.variables;
  }

  annotationsOf(panel) {
    return (this.annotations ?? []).filter(({ panelId, dashboardUID }) => !dashboardUID || (dashboardUID === this.uid && (!panelId || panelId === panel.id)));
  }

  #draw() {
    this.#drawBar();
    show(this.variableRow, variableBar(this.variables, this.#pickVariable));
    this.root.classList.toggle("kiosk", this.isKiosk);
    const placed = layOut(this.dashboard.panels, this.variables, this.collapsed);
    const wanted = this.alone ? placed.filter(({ panel }) => panel.id === this.alone).map((each) => ({ ...each, x: 0, y: 0, w: 24, h: 20 })) : placed;
    const kept = new Set(wanted.map(({ key }) => key));
    for (const [key, panel] of this.panels) if (!kept.has(key)) (panel.close(), this.panels.delete(key));
    show(this.grid, wanted.map((each) => this.#cell(each)));
  }

  #cell({ key, panel, x, y, w, h: height }) {
    let element;
    if (panel.type === "row") element = this.#row(key, panel);
    else {
      if (!this.panels.has(key)) this.panels.set(key, new Panel(panel, this));
      const drawn = this.panels.get(key);
      drawn.panel = panel;
      element = drawn.element;
    }
    Object.assign(element.style, { gridColumn: `${x + 1} / span ${w}`, gridRow: `${y + 1} / span ${height}` });
    return element;
  }

  #row(key, panel) {
    const isClosed = this.collapsed.get(key) ?? panel.collapsed;
    const toggle = async () => {
      this.collapsed.set(key, !isClosed);
      this.#draw();
      await this.refresh((each) => !each.answer);
    };
    const title = interpolate(panel.title ?? "", this.variablesOf(panel));
    const count = isClosed ? h("span", { class: "row-count" }, `(${panel.inside} panels)`) : null;
    return h("button", { class: "row", "data-panel": panel.id, "aria-expanded": String(!isClosed), onclick: toggle }, h("span", { class: "row-mark" }, isClosed ? "▸" : "▾"), title, count);
  }

  #drawBar() {
    const { meta, dashboard } = this;
    const folder = meta.folderId ? [h("a", { href: meta.folderUrl }, meta.folderTitle), h("span", { class: "crumb" }, "/")] : [];
    const star = meta.canStar ? h("button", { class: "button plain", id: "star", title: meta.isStarred ? "Unmark as favourite" : "Mark as favourite", "aria-pressed": String(meta.isStarred), onclick: this.#toggleStar }, meta.isStarred ? "★" : "☆") : null;
    const back = this.alone ? h("button", { class: "button", id: "back", onclick: () => this.view(null) }, "← Back to dashboard") : null;
    const settings = meta.canEdit ? h("button", { class: "button", id: "settings", title: "Dashboard settings", onclick: () => openSettings(this) }, "⚙") : null;
    const pick = (raw) => this.#pickRange(raw);
    show(
      this.bar,
      h("h1", { class: "board-title" }, ...folder, dashboard.title, star),
      h("div", { class: "board-controls" }, back, settings, timePicker(this.raw, pick), rangeButtons(this.range, pick), refreshPicker(this.refreshEvery, this.app.boot.minRefresh, () => this.refresh(), this.#pickRefresh)),
    );
  }

  #toggleStar = async () => {
    await api(this.meta.isStarred ? "DELETE" : "POST", `/api/user/stars/dashboard/uid/${encodeURIComponent(this.uid)}`);
    this.meta.isStarred = !this.meta.isStarred;
    this.#drawBar();
  };

  #pickRange = async (raw) => {
    this.raw = raw;
    this.#resolve();
    await this.#loadVariables((variable) => variable.refresh === 2 || variable.type === "interval");
    this.#writeAddress();
    this.#draw();
    await this.refresh();
  };

  zoom = (raw) => this.#pickRange(raw);

  #pickRefresh = (every) => {
    this.refreshEvery = every;
    this.#writeAddress();
    this.#schedule();
  };

  /** Show one panel alone, or with null all of them. */
  view(panel) {
    this.alone = panel && this.alone !== panel.id ? panel.id : null;
    this.#writeAddress();
    this.#draw();
    this.refresh();
  }

  #schedule() {
    clearTimeout(this.timer);
    const every = Math.max(1000, durationMs(this.refreshEvery));
    if (!this.refreshEvery || this.isClosed) return;
    this.timer = setTimeout(async () => {
      if (!document.hidden) await this.refresh();
      this.#schedule();
    }, every);
  }

  /** Ask for everything anew; panels that `wanted` says. */
  async refresh(wanted = () => true) {
    this.#resolve();
    this.annotations = await get(`/api/annotations?from=${this.range.from}&to=${this.range.to}&limit=100`).catch(() => []);
    await Promise.all([...this.panels.values()].filter(wanted).map((panel) => panel.refresh()));
    this.grid.dataset.refreshed = String(Number(this.grid.dataset.refreshed ?? 0) + 1);
  }
}
