// @ts-check
/* The Library tab: the table's headings, pages and ticks, the menu of formats, and the hour at which a visitor's uploads
   are deleted. */

import { keep } from "../common/address.js";
import { closest, find, parts } from "../common/dom.js";
import { closeToPress } from "../common/menus.js";

const TAB = "library";
let asking = false; // to edit

/** @param {string} library */
export function keepLibrary(library) {
  if (library) keep({ library }, TAB);
}

/**
 * Keep in the address what the table is searched for, once there is a library.
 * @param {string} words
 * @param {string} library
 */
export function keepWords(words, library) {
  if (library) keep({ words }, TAB);
}

/** Another library was chosen: all of it is shown. */
export const forgetWords = () => keep({ words: "" }, TAB);

/**
 * The table: tells of another order or page, and of what is ticked, on whatever page.
 * @param {Component} component
 */
export function mountTable({ element, watch, trigger }) {
  const boxes = () => parts(element, "tbody input[type=checkbox]", HTMLInputElement);
  /** @type {Set<string>} */
  const chosen = new Set(); // on all pages of the table
  let held = ""; // what had the focus when the table changed

  function tick() {
    const all = find(element, "[data-all]", HTMLInputElement);
    if (!all) return;
    for (const box of boxes()) box.checked = chosen.has(box.value);
    const count = boxes().filter((box) => box.checked).length;
    all.checked = count > 0 && count === boxes().length;
    all.indeterminate = count > 0 && count < boxes().length;
  }

  element.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    for (const box of target.matches("[data-all]") ? boxes() : [target])
      if (target.checked) chosen.add(box.value);
      else chosen.delete(box.value);
    tick();
    trigger("choose", { ids: [...chosen] });
  });
  element.addEventListener("click", ({ target }) => {
    const { sort, page, edit } = closest(target, "[data-sort], [data-page], [data-edit]")?.dataset ?? {};
    if (sort) {
      held = `[data-sort="${sort}"]`;
      trigger("turn", { sort });
    } else if (edit) {
      held = `[data-edit="${edit}"]`;
      asking = true;
      chosen.clear();
      chosen.add(edit);
      tick();
      trigger("choose", { ids: [edit], edit: true });
    } else if (page) {
      held = ".pages button:not([disabled])";
      trigger("turn", { page: Number(page) });
    }
  });
  watch("value", () => {
    if (find(element, "[data-cleared]")) chosen.clear();
    tick();
    if (held && document.activeElement === document.body)
      find(element, held)?.focus({ preventScroll: !held.startsWith(".pages") });
    held = "";
  });
}

/**
 * The saved searches: tells which one is looked at, and which one is to go.
 * @param {Component} component
 */
export function mountSaved({ element, trigger }) {
  element.addEventListener(
    "toggle",
    ({ target }) => {
      const details = closest(target, "details", HTMLDetailsElement);
      const news = details?.open && find(details, "summary .new");
      if (!details || !news) return;
      news.remove();
      trigger("see", { name: details.dataset.search });
    },
    true, // it does not bubble
  );
  element.addEventListener("click", ({ target }) => {
    const button = closest(target, "[data-forget]");
    if (button) trigger("forget", { name: button.dataset.forget });
  });
}

/**
 * Watched folders and podcasts: tells which one is to go.
 * @param {Component} component
 */
export function mountSources({ element, trigger }) {
  element.addEventListener("click", ({ target }) => {
    const { folder, feed } = closest(target, "[data-folder], [data-feed]")?.dataset ?? {};
    if (folder !== undefined) trigger("leave", { folder });
    else if (feed !== undefined) trigger("leave", { feed });
  });
}

/**
 * The menu of formats in which the transcripts of what is ticked can be had.
 * @param {Component} component
 */
export function mountFormats({ element, trigger }) {
  element.addEventListener("click", ({ target }) => {
    const button = closest(target, "[data-format]");
    if (!button) return;
    closeToPress(button.closest(".menu"));
    trigger("export", { kind: button.dataset.format });
  });
}

/**
 * The bin: what is to be deleted for good is asked for twice.
 * @param {Component} component
 */
export function mountBin({ element, trigger }) {
  element.addEventListener("click", ({ target }) => {
    const button = closest(target, "button");
    const { restore, discard, asked } = button?.dataset ?? {};
    if (restore) trigger("restore", { id: restore });
    else if (discard && asked) trigger("discard", { id: discard });
    else if (button && discard) {
      button.dataset.asked = "true";
      button.textContent = "Really delete it?";
      button.removeAttribute("aria-label");
    }
  });
}

/**
 * What a library comes to, with the hour by the visitor's own clock.
 * @param {Component} component
 */
export function mountFacts({ element, watch }) {
  function hour() {
    const time = find(element, "time[data-left]");
    if (!time) return;
    const when = new Date(Date.now() + 1000 * Number(time.dataset.left));
    time.textContent = `at ${when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
  }
  hour();
  watch("value", hour);
}

/** Those who have asked for the form, or are asked whether to remove, find themselves in it. */
export function focus() {
  if (!asking && !document.activeElement?.matches("#library-edit, #library-ask")) return;
  asking = false;
  const shown = parts(document, "#library-form input, #library-keep");
  requestAnimationFrame(() => shown.find((one) => one.offsetParent)?.focus());
}
