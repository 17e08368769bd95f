// @ts-check
/* The address bar: which tab is open, what Search asks, and how the open tab is set.

   A tab keeps what it likes there with `keep` and finds it with `get` when the page is loaded again; while another tab
   is open, it is that one's that is shown. What others have put there stays. How it is written: query.js.

   Another tab, and another question, are new places to go back to. Back leads to the question that stood there, and to a
   tab as it was left. */

import { closest, find } from "./dom.js";
import { changed, FIRST, read, write } from "./query.js";

const LIBRARY = "clasp-library"; // in the browser's storage: the one that was searched last; "" for the demo

/** @type {Record<string, import("./query.js").Settings>} */
const settings = {}; // by tab
let { tab, others } = read(location.search);
let addedTo = ""; // the library to which recordings were added last, until Search is opened

/** What Search asks, "?q=storm": more than the bar shows where that must not tell. */
export const question = () => history.state?.address ?? read(location.search).question;

/**
 * How the bar looks while a question stands and a tab is open.
 * @param {string} asked
 * @param {boolean} secret whether it must not be seen
 */
const shown = (asked, secret) =>
  location.pathname + write({ tab, question: secret ? "" : asked, others }, settings[tab] ?? {}) + location.hash;

/** Put the tab and its settings into the bar. */
function show() {
  const [asked, secret] = [question(), Boolean(history.state?.secret)];
  history.replaceState({ address: asked, secret }, "", shown(asked, secret));
}

/**
 * Another tab was opened: a new place to go back to.
 * @param {string} name
 */
function turn(name) {
  const state = { address: question(), secret: Boolean(history.state?.secret) };
  tab = name;
  history.pushState(state, "", location.pathname); // without the hash, which was of the tab before
  show();
}

/** The browser went back or forward: open the tab that was open there. */
function goBack() {
  const there = read(location.search);
  tab = there.tab;
  if (settings[tab]) show();
  else others = there.others; // as the tab finds them, which was not opened since the page was loaded
  open(tab);
}

/**
 * How a tab keeps a parameter, or else how it stands in the bar; "" for nothing.
 * @param {string} name
 * @param {string} of the tab
 */
export const get = (name, of) => settings[of]?.[name] ?? new URLSearchParams(location.search).get(name) ?? "";

/**
 * Keep how a tab is set; "" removes.
 * @param {import("./query.js").Settings} values
 * @param {string} of the tab
 */
export function keep(values, of) {
  others = others.filter(([name]) => !(name in values));
  settings[of] = { ...settings[of], ...values };
  if (of === tab && tab !== FIRST) show();
}

/**
 * Search asks something else: a new place to go back to, or the same one.
 * @param {string} asked
 * @param {{ secret: boolean, anew: boolean }} how
 */
export function ask(asked, { secret, anew }) {
  if (!secret) localStorage.setItem(LIBRARY, new URLSearchParams(asked).get("library") ?? "");
  history[anew ? "pushState" : "replaceState"]({ address: asked, secret }, "", shown(asked, secret));
}

/**
 * For an event of Gradio, whose first value this is instead: how a tab is set, or else what stands in the bar.
 * @param {string} of the tab
 * @param {unknown} _
 * @param {unknown[]} rest
 */
export const withSettings = (of, _, ...rest) => [changed(location.search, settings[of] ?? {}), ...rest];

/** @param {string} library to which recordings are added */
export function added(library) {
  addedTo = library;
}

/** The library in which Search begins when it is opened again: that of new recordings, unless it asks something. */
export function beginning() {
  const library = question() ? "" : addedTo;
  addedTo = "";
  return library;
}

/** What Search asks when the page is opened; where that is nothing, the library that was searched last. */
export function opening() {
  const last = localStorage.getItem(LIBRARY) ?? "";
  return question() || changed("", { last });
}

/**
 * The same for an event of Gradio, whose first value this is instead.
 * @param {unknown} _
 * @param {unknown[]} rest
 */
export const withQuestion = (_, ...rest) => [opening(), ...rest];

// ---- tabs ---------------------------------------------------------------------------------------------------

/** @param {string} name */
const button = (name) => find(document, `#tabs [role="tab"][data-tab-id="${CSS.escape(name)}"]`);

/**
 * Open a tab.
 * @param {string} name
 */
export const open = (name) => button(name)?.click();

/** Open the tab that the address names, as soon as there are tabs, and follow from then on which one is open. */
export function follow(tries = 50) {
  const tabs = document.querySelector("#tabs");
  if (!tabs || !button(FIRST)) return void setTimeout(follow, 50);
  const now = () => find(tabs, '[role="tab"][aria-selected="true"]')?.dataset.tabId;
  if (tab !== FIRST && now() === FIRST && tries) {
    open(tab);
    return void setTimeout(() => follow(tries - 1), 100);
  }
  delete document.documentElement.dataset.opening; // see theme.py
  const turned = () => {
    const opened = now();
    if (opened && opened !== tab) turn(opened);
  };
  turned(); // somebody may have been faster
  new MutationObserver(turned).observe(tabs, { subtree: true, attributeFilter: ["aria-selected"] });
  window.addEventListener("popstate", goBack);
  reach(location.hash);
  document.addEventListener("click", (event) => {
    const link = closest(event.target, "a[data-tab]", HTMLAnchorElement);
    const name = link?.dataset.tab;
    if (!link || !name || !button(name) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(name);
    reach(link.hash);
  });
}

/**
 * Scroll to a part of a tab, such as "#privacy", as soon as it can be seen.
 * @param {string} hash
 */
function reach(hash, tries = 50) {
  if (!hash || !tries) return;
  const there = document.getElementById(hash.slice(1));
  if (there?.offsetParent) there.scrollIntoView();
  else setTimeout(() => reach(hash, tries - 1), 100);
}
