// Settings of a dashboard: its JSON, to be read, copied, changed and saved; its versions.

import { api, get } from "./api.js";
import { h, show } from "./dom.js";

/** Open the dialogue over the page. */
export async function openSettings(board) {
  const { dashboard } = await get(`/api/dashboards/uid/${encodeURIComponent(board.uid)}`);
  const text = h("textarea", { id: "json", spellcheck: "false", value: JSON.stringify(dashboard, null, 2) });
  const message = h("input", { id: "save-message", placeholder: "What is changed (optional)" });
  const problem = h("p", { class: "problem", role: "alert" });
  const dialogue = h("dialog", { class: "dialogue" });
  const save = async (overwrite) => {
    try {
      const saved = { dashboard: JSON.parse(text.value), message: message.value, overwrite, folderUid: board.meta.folderUid };
      const { url } = await api("POST", "/api/dashboards/db", saved);
      location.assign(url);
    } catch (error) {
      const isNewer = error.status === 412;
      show(problem, error.message, isNewer ? h("button", { class: "button", onclick: () => save(true) }, "Save and overwrite") : null);
    }
  };
  const remove = async () => {
    if (!confirm(`Delete the dashboard "${board.dashboard.title}"?`)) return;
    await api("DELETE", `/api/dashboards/uid/${encodeURIComponent(board.uid)}`);
    location.assign("/");
  };
  const { canSave, canDelete, provisioned } = board.meta;
  show(
    dialogue,
    h("h2", {}, "JSON model"),
    provisioned && !canSave ? h("p", { class: "hint" }, `A file provides this dashboard (${board.meta.provisionedExternalId}): it can't be saved here, only copied.`) : null,
    text,
    problem,
    h(
      "div",
      { class: "buttons" },
      canSave ? [message, h("button", { class: "button primary", id: "save", onclick: () => save(false) }, "Save dashboard")] : null,
      h("button", { class: "button", onclick: () => saveCopy(text, problem) }, "Save as a copy"),
      canDelete ? h("button", { class: "button danger", onclick: remove }, "Delete") : null,
      h("button", { class: "button", onclick: () => dialogue.close() }, "Close"),
    ),
    await versionList(board),
  );
  dialogue.addEventListener("close", () => dialogue.remove());
  document.body.append(dialogue);
  dialogue.showModal();
}

async function saveCopy(text, problem) {
  try {
    const { id, uid, version, ...rest } = JSON.parse(text.value);
    const { url } = await api("POST", "/api/dashboards/db", { dashboard: { ...rest, title: `${rest.title} copy` } });
    location.assign(url);
  } catch (error) {
    show(problem, error.message);
  }
}

async function versionList(board) {
  const versions = await get(`/api/dashboards/uid/${encodeURIComponent(board.uid)}/versions`);
  const row = ({ version, created, createdBy, message }) => h("li", {}, `${version}: ${new Date(created).toLocaleString()} ${createdBy || "file"} ${message}`);
  return h("details", {}, h("summary", {}, `Versions (${versions.length})`), h("ul", {}, versions.map(row)));
}
