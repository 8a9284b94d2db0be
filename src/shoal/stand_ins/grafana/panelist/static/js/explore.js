// Explore: a query of one's own, as a graph and as a table.

import { get, resource, runQueries } from "./api.js";
import { rangeButtons, timePicker } from "./controls.js";
import { h, show } from "./dom.js";
import { decodeFrames, labelTables, seriesOf } from "./frames.js";
import { renderTable } from "./panels/table.js";
import { renderTimeseries } from "./panels/timeseries.js";
import { resolveRange } from "./times.js";

const GRAPH = {
  type: "timeseries",
  fieldConfig: { defaults: { unit: "short", custom: { lineWidth: 1, fillOpacity: 8 } }, overrides: [] },
  options: { legend: { showLegend: true, displayMode: "table", calcs: ["lastNotNull"] }, tooltip: { mode: "multi", sort: "desc" } },
};
const TABLE = { type: "table", fieldConfig: { defaults: {}, overrides: [] }, options: {} };

export class Explore {
  constructor(app, root) {
    this.app = app;
    this.root = root;
    const query = new URLSearchParams(location.search);
    this.expression = query.get("expr") ?? "";
    this.uid = query.get("source") ?? "";
    this.raw = { from: query.get("from") ?? "now-1h", to: query.get("to") ?? "now" };
    this.graphState = {};
    this.tableState = {};
  }

  async open() {
    this.app.title("Explore");
    this.sources = (await get("/api/datasources")).filter(({ type }) => type === "prometheus");
    this.source = this.sources.find(({ uid }) => uid === this.uid) ?? this.sources.find(({ isDefault }) => isDefault) ?? this.sources[0];
    if (!this.source) return show(this.root, h("p", { class: "nothing" }, "There is no Prometheus data source."));
    this.controls = h("div", { class: "board-controls" });
    this.problem = h("p", { class: "problem", role: "alert" });
    this.graph = h("section", { class: "panel explore-graph", "data-state": "empty" });
    this.table = h("section", { class: "panel explore-table" });
    show(this.root, h("div", { class: "board-bar" }, h("h1", { class: "board-title" }, "Explore"), this.controls), this.#form(), this.problem, this.graph, this.table);
    this.#drawControls();
    if (this.expression) await this.run();
  }

  close() {
    this.graphState.destroy?.();
  }

  #form() {
    const input = h("textarea", { id: "expr", name: "expr", rows: "2", spellcheck: "false", placeholder: "A PromQL query, such as rate(prometheus_http_requests_total[1m])", value: this.expression });
    const names = h("datalist", { id: "metrics" });
    const finder = h("input", { id: "metric", list: "metrics", placeholder: "Insert a metric", onchange: (event) => ((input.value += event.target.value), (event.target.value = "")) });
    resource(this.source.uid, "api/v1/label/__name__/values", {})
      .then((metrics) => show(names, metrics.map((metric) => h("option", { value: metric }))))
      .catch((error) => (this.problem.textContent = error.message));
    const run = (event) => {
      event.preventDefault();
      this.expression = input.value.trim();
      this.run();
    };
    input.addEventListener("keydown", (event) => event.key === "Enter" && (event.shiftKey || event.ctrlKey) && run(event));
    const pick = h("select", { id: "source", onchange: (event) => (this.source = this.sources.find(({ uid }) => uid === event.target.value)) }, this.sources.map(({ uid, name }) => h("option", { value: uid, selected: uid === this.source.uid }, name)));
    return h("form", { class: "explore", onsubmit: run }, h("div", { class: "explore-line" }, pick, finder, names, h("button", { class: "button primary", type: "submit", id: "run" }, "Run query")), input);
  }

  #drawControls() {
    const pick = (raw) => {
      this.raw = raw;
      this.#drawControls();
      this.run();
    };
    show(this.controls, timePicker(this.raw, pick), rangeButtons(resolveRange(this.raw, Date.now()), pick));
  }

  async run() {
    const range = resolveRange(this.raw, Date.now());
    const query = new URLSearchParams({ source: this.source.uid, expr: this.expression, ...this.raw });
    history.replaceState(null, "", `/explore?${query}`);
    const asked = { datasource: { uid: this.source.uid }, expr: this.expression, maxDataPoints: this.root.clientWidth || 1000 };
    const queries = [
      { ...asked, refId: "A", range: true, instant: false },
      { ...asked, refId: "B", range: false, instant: true, format: "table" },
    ];
    try {
      const results = await runQueries(queries, range);
      this.problem.textContent = results.A.error ?? "";
      this.#show(decodeFrames(results.A), decodeFrames(results.B).map((frame) => ({ ...frame, refId: "B" })), range);
    } catch (error) {
      this.problem.textContent = error.message;
    }
  }

  #show(graphFrames, tableFrames, range) {
    const fill = (text) => text;
    const series = seriesOf(graphFrames);
    this.graph.dataset.state = series.length ? "data" : "empty";
    this.graphState.destroy?.();
    renderTimeseries(this.graph, { panel: GRAPH, frames: graphFrames, series, range, state: this.graphState, fill, zoom: (raw) => ((this.raw = raw), this.#drawControls(), this.run()) });
    const tables = labelTables(tableFrames, [{ refId: "B", format: "table" }]);
    renderTable(this.table, { panel: TABLE, frames: tables, series: [], state: this.tableState, fill });
  }
}
