// Pages around dashboards: search, login, sign-up, import, data sources, profile.

import { api, get } from "./api.js";
import { h, show } from "./dom.js";

const go = (path) => location.assign(path);

/** A form whose fields are [name, label, type, value]; `send` gets their values, what it throws is shown. */
function form(fields, button, send, attributes = {}) {
  const problem = h("p", { class: "problem", role: "alert" });
  const inputs = fields.map(([name, label, type = "text", value = ""]) => h("label", {}, label, h(type === "area" ? "textarea" : "input", { name, type: type === "area" ? null : type, value, autocomplete: type === "password" ? "current-password" : null, spellcheck: "false" })));
  const submit = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    try {
      await send(Object.fromEntries(new FormData(event.target)), problem);
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  return h("form", { class: "form", onsubmit: submit, ...attributes }, inputs, problem, h("button", { class: "button primary", type: "submit" }, button));
}

/** The page to log in. */
export function login(app, root) {
  app.title("Log in");
  const send = async (values) => {
    const target = new URLSearchParams(location.search).get("redirect") ?? "/";
    const { redirectUrl } = await api("POST", `/login?redirect=${encodeURIComponent(target)}`, values, { stay: true });
    go(redirectUrl);
  };
  const fields = [["user", "Email or username"], ["password", "Password", "password"]];
  const notice = h("p", { class: "stand-in-notice" }, h("strong", {}, app.boot.name), " – a stand-in for Grafana. It is another, smaller program, made by this machine where Grafana's own image can't be had.");
  const body = app.boot.loginForm ? form(fields, "Log in", send, { id: "login" }) : h("p", {}, "Logging in by a form is disabled.");
  show(root, h("div", { class: "login" }, h("h1", {}, `Welcome to ${app.boot.name}`), notice, body, app.boot.signUp ? h("a", { href: "/signup" }, "Sign up") : null));
}

/** The page to sign up. */
export function signUp(app, root) {
  app.title("Sign up");
  const send = async ({ email, username, password }) => {
    await api("POST", "/api/user/signup", { email, username, password }, { stay: true });
    await api("POST", "/login", { user: username || email, password }, { stay: true });
    go("/");
  };
  const fields = [["username", "Username"], ["email", "Email", "email"], ["password", "Password", "password"]];
  show(root, h("div", { class: "login" }, h("h1", {}, "Sign up"), form(fields, "Sign up", send, { id: "signup" })));
}

/** The home page: dashboards by folder, and a search. folder: UID of the one that is shown, or null */
export async function home(app, root, folder = null) {
  app.title("Dashboards");
  const list = h("div", { class: "found", id: "found" });
  const draw = async () => {
    const query = new URLSearchParams({ query: input.value, ...(folder ? { folderUIDs: folder } : {}) });
    const hits = await get(`/api/search?${query}`);
    show(list, groups(hits.filter(({ type }) => type === "dash-db")));
  };
  const input = h("input", { id: "search", type: "search", placeholder: "Search for dashboards", oninput: draw });
  const mayEdit = ["Editor", "Admin"].includes(app.boot.user.role);
  const add = mayEdit ? h("a", { class: "button", href: "/dashboard/import" }, "Import dashboard") : null;
  show(root, h("div", { class: "board-bar" }, h("h1", { class: "board-title" }, "Dashboards"), h("div", { class: "board-controls" }, input, add)), list);
  await draw();
}

function groups(hits) {
  if (!hits.length) return h("p", { class: "nothing" }, "No dashboards found");
  const starred = hits.filter(({ isStarred }) => isStarred);
  const titles = [...new Set(hits.map(({ folderTitle }) => folderTitle ?? "General"))].sort((a, b) => (b === "General") - (a === "General") || a.localeCompare(b));
  const sections = titles.map((title) => [title, hits.filter((hit) => (hit.folderTitle ?? "General") === title)]);
  return [...(starred.length ? [["Starred", starred]] : []), ...sections].map(([title, inside]) =>
    h("section", { class: "folder" }, h("h2", {}, title), h("ul", {}, inside.map((hit) => h("li", {}, h("a", { href: hit.url }, hit.title), hit.tags.map((tag) => h("span", { class: "tag" }, tag)))))),
  );
}

/** Import: the JSON of a dashboard, its inputs (`${DS_…}`) filled by the default data source. */
export function importPage(app, root) {
  app.title("Import dashboard");
  const send = async ({ json }) => {
    const { __inputs: inputs = [], __requires, id, version, ...dashboard } = JSON.parse(json);
    const sources = await get("/api/datasources");
    const named = Object.fromEntries(inputs.filter(({ type }) => type === "datasource").map(({ name, pluginId }) => [name, (sources.find((each) => each.type === pluginId) ?? sources[0])?.uid ?? ""]));
    const filled = JSON.parse(JSON.stringify(dashboard).replace(/\$\{(\w+)\}/g, (whole, name) => named[name] ?? whole));
    const { url } = await api("POST", "/api/dashboards/db", { dashboard: filled });
    go(url);
  };
  show(root, h("div", { class: "page" }, h("h1", {}, "Import dashboard"), form([["json", "JSON of a dashboard", "area"]], "Load", send, { id: "import" })));
}

/** Data sources: the list with a test of each, and a form for a new one. */
export async function sources(app, root) {
  app.title("Data sources");
  const isAdmin = app.boot.user.role === "Admin";
  const list = h("ul", { class: "sources" });
  const draw = async () => show(list, (await get("/api/datasources")).map((source) => sourceRow(source, isAdmin, draw)));
  const add = async (values, problem) => {
    await api("POST", "/api/datasources", { ...values, type: "prometheus", access: "proxy", isDefault: !list.children.length });
    problem.textContent = "";
    await draw();
  };
  const fields = [["name", "Name"], ["url", "URL of Prometheus", "url"]];
  show(root, h("div", { class: "page" }, h("h1", {}, "Data sources"), list, isAdmin ? [h("h2", {}, "Add a Prometheus"), form(fields, "Add", add, { id: "add-source" })] : null));
  await draw();
}

function sourceRow(source, isAdmin, redraw) {
  const result = h("span", { class: "source-health", role: "status" });
  const test = async () => {
    try {
      result.textContent = `✓ ${(await get(`/api/datasources/uid/${source.uid}/health`)).message}`;
    } catch (error) {
      result.textContent = `✗ ${error.message}`;
    }
  };
  const remove = async () => {
    await api("DELETE", `/api/datasources/uid/${source.uid}`);
    await redraw();
  };
  return h("li", { "data-source": source.name }, h("b", {}, source.name), ` ${source.type} – ${source.url}`, source.isDefault ? h("span", { class: "tag" }, "default") : null, source.readOnly ? h("span", { class: "tag" }, "provisioned") : null, h("button", { class: "button", onclick: test }, "Test"), isAdmin && !source.readOnly ? h("button", { class: "button danger", onclick: remove }, "Delete") : null, result);
}

/** Profile: theme and password. */
export function profile(app, root) {
  app.title("Profile");
  const theme = async (event) => {
    document.documentElement.dataset.theme = event.target.value;
    await api("PUT", "/api/user/preferences", { theme: event.target.value });
  };
  const current = document.documentElement.dataset.theme;
  const change = async (values, problem) => {
    await api("PUT", "/api/user/password", values, { stay: true });
    problem.textContent = "The password is changed; log in again.";
  };
  const fields = [["oldPassword", "Old password", "password"], ["newPassword", "New password", "password"]];
  show(
    root,
    h("div", { class: "page" }, h("h1", {}, app.boot.user.login), h("p", {}, `Role: ${app.boot.user.role}`), h("label", {}, "Theme ", h("select", { id: "theme", onchange: theme }, ["dark", "light"].map((each) => h("option", { value: each, selected: each === current }, each)))), h("h2", {}, "Password"), form(fields, "Change password", change)),
  );
}
