// One panel on a dashboard: its frame, its query, what draws it.

import { h, safeUrl, show } from "./dom.js";
import { renderBarGauge, renderGauge, renderStat } from "./panels/stat.js";
import { renderTable } from "./panels/table.js";
import { renderText } from "./panels/text.js";
import { renderTimeseries } from "./panels/timeseries.js";
import { ask } from "./query.js";
import { interpolate } from "./variables.js";

const DRAWN = {
  timeseries: renderTimeseries,
  graph: renderTimeseries,
  stat: renderStat,
  gauge: renderGauge,
  bargauge: renderBarGauge,
  table: renderTable,
  text: renderText,
};

/** A panel of a dashboard. `board` gives the range, the variables, the sources and takes a zoom. */
export class Panel {
  constructor(panel, board) {
    this.panel = panel;
    this.board = board;
    this.state = {};
    this.body = h("div", { class: "panel-body" });
    this.title = h("h2", { class: "panel-title" });
    this.mark = h("span", { class: "panel-mark", role: "img" });
    this.element = this.#frame();
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(this.body);
    this.body.addEventListener("pointerdown", () => this.#hold());
  }

  /** While a button is held down (a range is being selected), nothing is drawn anew. */
  #hold() {
    this.isHeld = true;
    const release = () => {
      this.isHeld = false;
      if (this.isWaiting) requestAnimationFrame(() => this.draw());
    };
    window.addEventListener("pointerup", release, { once: true });
  }

  #frame() {
    const { panel } = this;
    const isBare = panel.transparent ? " transparent" : "";
    const view = h("button", { class: "panel-view", title: "View this panel alone", onclick: () => this.board.view(panel) }, "⤢");
    const about = panel.description ? h("span", { class: "panel-about", title: panel.description }, "i") : null;
    const head = h("header", { class: "panel-head" }, this.title, about, this.mark, ...this.#links(), view);
    return h("section", { class: `panel panel-${panel.type}${isBare}`, "data-panel": panel.id, "data-type": panel.type, "data-state": "loading" }, head, this.body);
  }

  #links() {
    return (this.panel.links ?? [])
      .filter((link) => link.url)
      .map((link) => h("a", { class: "panel-link", href: safeUrl(this.fill(link.url)), title: link.title, rel: "noreferrer", target: link.targetBlank ? "_blank" : null }, "↗"));
  }

  /** A text with the panel's variables replaced. */
  fill = (text) => interpolate(String(text ?? ""), this.board.variablesOf(this.panel), "text", { __from: this.board.range.from, __to: this.board.range.to });

  get isVisible() {
    return this.element.isConnected && this.body.clientWidth > 0;
  }

  /** Ask and draw. An older request that still runs is given up. */
  async refresh() {
    const { panel, board } = this;
    show(this.title, this.fill(panel.title));
    this.abort?.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    if (!DRAWN[panel.type]) return this.#finish({ nothing: `This stand-in does not draw panels of the type "${panel.type}".` });
    if (panel.type === "text") return this.#finish({ frames: [], series: [], errors: [], notes: [], range: board.range });
    this.element.dataset.loading = "true";
    try {
      const context = { range: board.range, variables: board.variablesOf(panel), sources: board.sources, points: Math.max(100, this.body.clientWidth || 600) };
      this.#finish(await ask(panel, context, signal));
    } catch (error) {
      if (signal.aborted) return;
      this.#finish({ frames: [], series: [], errors: [error.message], notes: [], range: board.range });
    }
  }

  #finish(answer) {
    delete this.element.dataset.loading;
    this.answer = answer;
    this.draw();
  }

  /** Draw what was answered last. */
  draw() {
    const { answer, panel, element } = this;
    if (!answer || !element.isConnected) return;
    this.isWaiting = this.isHeld;
    if (this.isHeld) return;
    this.state.destroy?.();
    this.state.destroy = null;
    if (answer.nothing) show(this.body, h("div", { class: "nothing" }, answer.nothing));
    else DRAWN[panel.type](this.body, { panel, state: this.state, fill: this.fill, zoom: this.board.zoom, annotations: this.board.annotationsOf(panel), ...answer });
    const problems = [...(answer.errors ?? []), ...(answer.notes ?? [])];
    this.mark.textContent = problems.length ? "⚠" : "";
    this.mark.title = problems.join("\n");
    element.dataset.state = answer.errors?.length ? "error" : answer.nothing ? "unknown" : hasData(panel, answer) ? "data" : "empty";
    this.drawnSize = this.#size();
  }

  #size() {
    return `${this.body.clientWidth}x${this.body.clientHeight}`;
  }

  #resized() {
    if (this.answer && this.drawnSize !== this.#size() && this.body.clientWidth) requestAnimationFrame(() => this.draw());
  }

  close() {
    this.abort?.abort();
    this.observer.disconnect();
    this.state.destroy?.();
  }
}

function hasData(panel, { frames, series }) {
  if (panel.type === "text") return true;
  return series.some(({ values }) => values.some((value) => value !== null)) || frames.some((frame) => frame.fields.some((field) => field.values.length));
}
