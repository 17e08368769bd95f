// @ts-check
/* What is around the tabs: light and dark, the row of tabs by keyboard, menus that close. */

import { follow } from "./address.js";
import { closest, find, parts } from "./dom.js";

const THEME = "clasp-theme"; // what was chosen, in the browser's storage

/** Bring the page to life; called with its header. */
export function mount() {
  const chosen = localStorage.getItem(THEME);
  if (chosen && !new URLSearchParams(location.search).has("__theme")) dress(chosen === "dark");
  document.addEventListener("click", pressed);
  document.addEventListener("keydown", typed);
  follow();
}

/** @param {boolean} dark */
const dress = (dark) => document.body.classList.toggle("dark", dark);

/** @param {MouseEvent} event */
function pressed({ target }) {
  for (const menu of parts(document, ".menu[open]"))
    if (!(target instanceof Node && menu.contains(target))) close(menu);
  if (!closest(target, "[data-theme-toggle]")) return;
  const dark = !document.body.classList.contains("dark");
  localStorage.setItem(THEME, dark ? "dark" : "light");
  dress(dark);
}

/** @param {KeyboardEvent} event */
function typed(event) {
  const [menu] = event.key === "Escape" ? parts(document, ".menu[open]") : [];
  if (menu) closeToPress(menu);
  const tab = closest(event.target, '#tabs [role="tab"]');
  if (!tab || event.ctrlKey || event.metaKey || event.altKey) return;
  const tabs = parts(/** @type {Element} */ (tab.parentElement), '[role="tab"]');
  const here = tabs.indexOf(tab);
  const next = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: -1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  const one = tabs.at(next % tabs.length);
  one?.focus();
  one?.click();
}

/** @param {Element} menu */
const close = (menu) => menu.removeAttribute("open");

/**
 * Close a menu, with the focus on what opens it.
 * @param {Element | null} menu
 */
export function closeToPress(menu) {
  if (!menu) return;
  close(menu);
  find(menu, "summary")?.focus();
}
