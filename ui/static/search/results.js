// @ts-check
/* Answers, and what can be done with them. */

import * as address from "../common/address.js";
import { toClipboard } from "../common/clipboard.js";
import { closest, find, part, parts } from "../common/dom.js";
import { closeToPress } from "../common/menus.js";
import { announce } from "../common/player.js";
import { same } from "../common/query.js";
import * as strips from "./strips.js";

const MAP = "clasp-map"; // in the browser's storage: "folded" where the map beside the answers is, see theme.py
const root = document.documentElement;

const panel = () => part(document, "#results");
let opened = false; // whether the tab was opened before
let given = false; // whether the next answer is to what nobody has asked: no new place to go back to
let scroll = returned() ? Number(history.state?.scroll) : 0; // where the page was when it was left

/** Whether somebody has come back to the page, from a recording for example. */
function returned() {
  const [entry] = performance.getEntriesByType("navigation");
  return entry instanceof PerformanceNavigationTiming && entry.type === "back_forward";
}

/** Show that an answer is on its way: what introduces the page makes room for it. */
export function busy() {
  panel().setAttribute("aria-busy", "true");
  root.dataset.asked = "";
}

/**
 * For the event that opens the tab, whose first values these are instead: whether it is not the first time, and in which
 * library it begins, if that is another one.
 * @param {unknown} _
 * @param {unknown} __
 * @param {unknown[]} rest
 */
export function withAgain(_, __, ...rest) {
  const library = opened ? address.beginning() : "";
  const again = opened;
  opened = true;
  given = given || library !== "";
  return [again, library, ...rest];
}

/** Show the filters that are behind the button, or hide them. */
export function more() {
  const asked = part(document, "#ask");
  asked.toggleAttribute("data-more");
  part(document, "#more").setAttribute("aria-expanded", String(asked.hasAttribute("data-more")));
}

/** @param {Component} component */
export function mount({ element, props, watch, trigger }) {
  let answers = 0;
  let jump = false; // to the answer, which another one replaces
  /** @type {string | null} */
  let goal = null; // the question to which Back or Forward has led, until it is answered
  const ask = (/** @type {string} */ event, /** @type {object} */ data) => {
    busy();
    trigger(event, data);
  };

  window.addEventListener("unhandledrejection", (event) => {
    if (!/microphone/i.test(event.reason?.message ?? event.reason)) return;
    event.preventDefault(); // the recorder says it to nobody else
    props.value = `<p class="notice" role="alert">No microphone is available: allow it for this page in the
      browser's settings, plug one in, or upload a recording.</p>`;
  });
  window.addEventListener("pagehide", () => history.replaceState({ ...history.state, scroll: scrollY }, ""));
  window.addEventListener("popstate", follow);

  document.addEventListener("click", ({ target }) => {
    if (closest(target, "[data-skip]")) find(panel(), ".hit [data-play]")?.focus();
  });

  element.addEventListener("change", ({ target }) => {
    const sort = closest(target, "[data-sort]", HTMLSelectElement);
    if (sort) ask("sort", { time: sort.value === "time" });
    const language = closest(target, "[data-query-language]", HTMLSelectElement);
    if (language) ask("language", { language: language.value });
  });
  element.addEventListener("click", ({ target }) => {
    const button = closest(target, "button", HTMLButtonElement);
    if (!button) return;
    const { like, clear, export: kind, copy, save, toggle, fold } = button.dataset;
    if (like !== undefined) {
      jump = true;
      ask("like", { segment: Number(like) });
    } else if (clear !== undefined) ask("clear", {});
    else if (kind !== undefined) {
      closeToPress(button.closest(".menu"));
      trigger("export", { kind });
    } else if (copy !== undefined) copyLink(button);
    else if (save !== undefined) trigger("save", {});
    else if (toggle !== undefined) unfold(button);
    else if (fold !== undefined) foldMap();
  });

  const facts = () => find(panel(), "[data-number]")?.dataset ?? {}; // of the answer

  /** Answer what the browser went back or forward to, unless that stands there. */
  function follow() {
    const question = address.question();
    if (goal !== null || question === facts().address) return;
    goal = question;
    ask("open", { address: goal });
  }

  function answered() {
    announce(); // the new cards know what plays
    if (panel().querySelector(".working")) return busy();
    const { order } = facts();
    const sort = find(panel(), "[data-sort]", HTMLSelectElement);
    if (sort && order) sort.value = order;
    for (const button of parts(panel(), "[data-toggle]")) button.setAttribute("aria-expanded", "false");
    strips.show();
    if (find(panel(), ".welcome")) delete root.dataset.asked;
    showFold();
    const [reached, known] = [goal, given || goal !== null];
    [goal, given] = [null, false];
    if (reached !== null && reached !== address.question()) return follow(); // and on, meanwhile
    remember(facts(), known);
    if (jump) find(panel(), "h2")?.focus({ preventScroll: true });
    if (jump && panel().getBoundingClientRect().top < 0) panel().scrollIntoView();
    jump = false;
    if (scroll && !panel().querySelector(".welcome")) scrollTo(0, scroll);
    scroll = 0;
    panel().setAttribute("aria-busy", "false");
    panel().dataset.answers = String(++answers);
  }

  const opening = new URLSearchParams(address.opening());
  given = opening.has("last");
  if (opening.has("library") || opening.has("last")) part(document, "#found").dataset.map = "none"; // only the first has one
  if (!find(panel(), ".welcome"))
    answered(); // it was faster
  else if (opening.has("q") || opening.has("like")) busy();
  watch("value", answered);
}

/** @param {HTMLElement} button */
function unfold(button) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  part(document, `#${CSS.escape(button.getAttribute("aria-controls") ?? "")}`).hidden = !open;
}

/** Fold the map beside the answers away, or show it again; so it stays. */
function foldMap() {
  const folded = root.toggleAttribute("data-folded");
  localStorage.setItem(MAP, folded ? "folded" : "");
  showFold();
}

/** Let the button that folds the map say whether it is there. */
const showFold = () =>
  find(panel(), "[data-fold]")?.setAttribute("aria-pressed", String(!root.hasAttribute("data-folded")));

/**
 * Put an answer's address into the address bar: a new question is a new place to go back to.
 * @param {DOMStringMap} facts of the answer
 * @param {boolean} known whether the place is there already
 */
function remember({ address: next, private: secret }, known) {
  const last = address.question();
  if (next === undefined || (next === last && history.state)) return;
  address.ask(next, {
    secret: secret !== undefined,
    anew: !known && !same(next, last, ["q", "query_language", "like", "library"]),
  });
}

/** @param {HTMLElement} button */
async function copyLink(button) {
  await toClipboard(location.href);
  const label = part(button, "span");
  label.textContent = "Copied";
  button.setAttribute("aria-label", "Link copied");
  setTimeout(() => {
    label.textContent = "Copy link";
    button.removeAttribute("aria-label");
  }, 1500);
}
