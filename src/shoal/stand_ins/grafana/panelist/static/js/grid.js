// Where panels stand on the page: rows opened and closed, panels and rows repeated for each value of a variable.

import { chosenValues } from "./variables.js";

const COLUMNS = 24;

/** Places of everything: {key, panel, x, y, w, h}, in the order of reading. collapsed: {key of a row: whether} */
export function layOut(panels, variables, collapsed) {
  const sections = sectionsOf(panels).flatMap((section) => repeatRow(section, variables));
  const placed = [];
  let y = 0;
  for (const { row, key, panels: inside, scoped } of sections) {
    const expanded = inside.flatMap((panel) => repeatPanel(panel, variables, scoped));
    if (row) {
      placed.push({ key, panel: { ...row, inside: expanded.length, scoped }, x: 0, y, w: COLUMNS, h: 1 });
      y += 1;
      if (collapsed.get(key) ?? row.collapsed) continue;
    }
    const { cells, height } = place(expanded);
    for (const cell of cells) placed.push({ ...cell, key: `${key}/${cell.panel.repeatKey ?? cell.panel.id}`, y: cell.y + y });
    y += height;
  }
  return placed;
}

/** Rows with the panels below them, whether those are kept in the row or after it. */
function sectionsOf(panels) {
  const sections = [{ row: null, key: "top", panels: [] }];
  for (const panel of panels) {
    if (panel.type === "row") sections.push({ row: panel, key: `row-${panel.id}`, panels: [...(panel.panels ?? [])] });
    else sections.at(-1).panels.push(panel);
  }
  return sections;
}

const scopeOf = (variable, value) => ({ ...variable, multi: false, includeAll: false, current: { text: value, value } });

function valuesOf(name, variables) {
  const variable = name ? variables.find((each) => each.name === name) : null;
  return variable ? { variable, values: chosenValues(variable) } : null;
}

function repeatRow(section, variables) {
  const found = valuesOf(section.row?.repeat, variables);
  if (!found) return [section];
  return found.values.map((value) => ({ ...section, key: `${section.key}-${value}`, scoped: [scopeOf(found.variable, value)] }));
}

/** Copies beside each other, at most `maxPerRow` in a line, or below each other. */
function repeatPanel(panel, variables, scoped) {
  const found = valuesOf(panel.repeat, variables);
  if (!found) return [scoped ? { ...panel, scoped } : panel];
  const { variable, values } = found;
  const isDown = panel.repeatDirection === "v";
  const perLine = isDown ? 1 : Math.min(values.length, panel.maxPerRow || 4) || 1;
  const width = isDown ? panel.gridPos.w : Math.max(1, Math.floor(COLUMNS / perLine));
  return values.map((value, index) => ({
    ...panel,
    repeatKey: `${panel.id}-${value}`,
    scoped: [scopeOf(variable, value), ...(scoped ?? [])],
    gridPos: { ...panel.gridPos, w: width, x: isDown ? panel.gridPos.x : (index % perLine) * width, y: panel.gridPos.y + Math.floor(index / perLine) * panel.gridPos.h },
  }));
}

/** Panels where they want to be, moved down past what is in the way; empty space above is closed. */
function place(panels) {
  const ordered = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  const heights = new Array(COLUMNS).fill(0);
  const cells = ordered.map((panel) => {
    const { x, w, h } = panel.gridPos;
    const left = Math.min(Math.max(0, x), COLUMNS - 1);
    const width = Math.max(1, Math.min(w, COLUMNS - left));
    const y = Math.max(...heights.slice(left, left + width));
    heights.fill(y + h, left, left + width);
    return { panel, x: left, y, w: width, h };
  });
  return { cells, height: Math.max(...heights) };
}
