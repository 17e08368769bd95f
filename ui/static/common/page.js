// @ts-check
/* What is around the tabs: light and dark, the row of tabs by keyboard, menus that close. */

import { follow, open } from "./address.js";
import { closest, find, parts } from "./dom.js";
import * as drop from "./drop.js";
import * as menus from "./menus.js";
import { FIRST } from "./query.js";
import * as theme from "./theme.js";

/**
 * To the search, to type another query.
 * @param {KeyboardEvent} event
 */
function search(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  open(FIRST);
  const box = find(document, "#text textarea", HTMLTextAreaElement);
  box?.focus();
  box?.select();
}

/** Bring the page to life; called with its header. */
export function mount() {
  theme.mount();
  menus.mount();
  drop.mount();
  document.addEventListener("keydown", typed);
  follow();
}

/** @param {KeyboardEvent} event */
function typed(event) {
  if (event.key === "/" && !closest(event.target, "input, textarea, select, [contenteditable]")) return search(event);
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
