// The frame of all pages, and which page an address means.

import { get } from "./api.js";
import { Board } from "./board.js";
import { h, show } from "./dom.js";
import { Explore } from "./explore.js";
import { home, importPage, login, profile, signUp, sources } from "./home.js";

const boot = JSON.parse(document.body.dataset.boot);
const root = h("main", { id: "page" });
const app = {
  boot,
  title(text) {
    document.title = `${text} - ${boot.name} (stand-in for Grafana)`;
  },
};

function menu() {
  const { user } = boot;
  if (!user.role) return null;
  const links = [["/dashboards", "Dashboards"], ["/explore", "Explore"], ["/datasources", "Data sources"]];
  const current = (path) => (location.pathname.startsWith(path) ? "page" : null);
  const person = user.isAnonymous ? h("a", { href: `/login?redirect=${encodeURIComponent(location.pathname + location.search)}`, id: "sign-in" }, "Sign in") : [h("a", { href: "/profile" }, user.login), h("a", { href: "/logout", id: "sign-out" }, "Sign out")];
  return h(
    "nav",
    { class: "menu" },
    h("a", { class: "brand", href: "/" }, h("img", { src: "/public/icon.svg", alt: "", width: 22, height: 22 }), boot.name, h("small", {}, "stand-in for Grafana")),
    links.map(([path, text]) => h("a", { href: path, "aria-current": current(path) }, text)),
    h("span", { class: "person" }, person),
  );
}

const footer = () => h("footer", {}, `${boot.title} · API ${boot.version}`);

async function homePage() {
  const { redirectUri, dashboard } = await get("/api/dashboards/home");
  const uid = /^\/d\/([^/]+)/.exec(redirectUri ?? "")?.[1];
  return uid || dashboard?.panels?.length || dashboard?.rows?.length ? openBoard(uid ?? "") : home(app, root);
}

function openBoard(uid) {
  const board = new Board(app, root, uid);
  window.addEventListener("pagehide", () => board.close());
  return board.open();
}

const PAGES = [
  [/^\/$/, homePage],
  [/^\/login$/, () => login(app, root)],
  [/^\/signup$/, () => signUp(app, root)],
  [/^\/dashboards$/, () => home(app, root)],
  [/^\/dashboards\/f\/([^/]+)/, (uid) => home(app, root, uid)],
  [/^\/d(?:-solo)?\/([^/]+)/, openBoard],
  [/^\/explore$/, () => new Explore(app, root).open()],
  [/^\/dashboard\/(?:import|new)$/, () => importPage(app, root)],
  [/^\/(?:connections\/)?datasources$/, () => sources(app, root)],
  [/^\/profile$/, () => profile(app, root)],
];

async function start() {
  show(document.getElementById("app"), menu(), root, footer());
  const [match, page] = PAGES.map(([pattern, open]) => [pattern.exec(location.pathname), open]).find(([found]) => found) ?? [null, () => show(root, h("p", { class: "nothing" }, "There is no such page."))];
  try {
    await page(...(match?.slice(1).map(decodeURIComponent) ?? []));
    root.dataset.ready = "true";
  } catch (error) {
    show(root, h("p", { class: "nothing problem" }, error.message));
  }
}

start();
