// What a panel asks, and what is made of the answers.

import { runQueries } from "./api.js";
import { decodeFrames, labelTables, seriesOf } from "./frames.js";
import { panelRange } from "./times.js";
import { transform } from "./transforms.js";
import { interpolate } from "./variables.js";

/** UID of the data source that `reference` means: a variable's value is a name or a UID. */
export function sourceUid(reference, variables, sources) {
  const uid = interpolate(reference?.uid ?? "", variables, "text");
  const found = sources.find((source) => source.uid === uid) ?? sources.find((source) => source.name === uid);
  if (found) return found.uid;
  if (uid && uid !== "default") return uid;
  return (sources.find((source) => source.isDefault) ?? sources[0])?.uid ?? "";
}

/** The queries of a panel, for `points` points. */
export function panelQueries(panel, { variables, sources, range, points }) {
  const extra = { __from: range.from, __to: range.to };
  const fill = (text, kind) => interpolate(text, variables, kind, extra);
  return (panel.targets ?? [])
    .filter((target) => !target.hide && (target.expr ?? "").trim())
    .map((target) => ({
      refId: target.refId,
      datasource: { uid: sourceUid(target.datasource, variables, sources), type: target.datasource?.type },
      expr: fill(target.expr, "query"),
      legendFormat: fill(target.legendFormat ?? "", "text"),
      format: target.format ?? "time_series",
      instant: Boolean(target.instant),
      range: target.range ?? !target.instant,
      interval: fill(target.interval || panel.interval || "", "text"),
      intervalFactor: target.intervalFactor ?? 1,
      maxDataPoints: panel.maxDataPoints || points,
    }));
}

/**
 * {frames, series, errors, notes} of a panel. frames: after transformations; series: the columns of numbers before
 * or, where there are transformations, after them.
 */
export async function ask(panel, context, signal) {
  const range = panelRange(context.range, panel);
  const queries = panelQueries(panel, { ...context, range });
  if (!queries.length) return { frames: [], series: [], errors: [], notes: [], range };
  const results = await runQueries(queries, range, signal);
  const errors = Object.entries(results).filter(([, result]) => result.error).map(([refId, result]) => `${refId}: ${result.error}`);
  const answered = queries.flatMap((query) => decodeFrames(results[query.refId]).map((frame) => ({ ...frame, refId: query.refId })));
  const tables = labelTables(answered, queries);
  const { frames, unknown } = transform(tables, panel.transformations);
  const notes = unknown.map((id) => `this stand-in does not know the transformation "${id}"`);
  return { frames, series: seriesOf(frames), errors, notes, range };
}
