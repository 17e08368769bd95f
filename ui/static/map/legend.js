// @ts-check
/* The legend of the map: what the colours mean, as switches. What is switched off is drawn faint and not listed. */

import { closest, dot, find, make, part, parts } from "../common/dom.js";
import { OTHERS } from "./colours.js";

/**
 * What is switched off, as the address has it: codes as 0.4.-1, and behind an underscore the one that has an entry of its
 * own though it would be among the others.
 * @param {Iterable<number>} off
 * @param {number | null} extra
 */
export function write(off, extra) {
  const codes = [...off].join(".");
  return codes && codes + (extra === null ? "" : `_${extra}`);
}

/**
 * And back.
 * @param {string} text
 * @returns {[Set<number>, number | null]}
 */
export function read(text) {
  const [codes, own] = text.split("_");
  return [new Set(codes.split(".").filter(Boolean).map(Number)), own ? Number(own) : null];
}

/**
 * @param {HTMLElement} box
 * @param {{ changed: () => void, turn: () => void }} listeners of what is switched off, and of the texts
 */
export function legend(box, { changed, turn }) {
  /** @type {MapPoints} */
  let points;
  /** @type {Look["by"]} */
  let by = "category";
  let texts = false; // whether they are drawn
  /** @type {Set<number>} */
  let off = new Set(); // codes that are switched off
  /** @type {number | null} */
  let extra = null; // a code that has an entry of its own though the drawing counts it among the others
  /** @type {Map<number, string>} */
  let listed = new Map(); // colours of the entries, by code

  /**
   * Show what the points are coloured by.
   * @param {LegendEntry[]} entries of the drawing
   * @param {MapPoints} next
   * @param {Look} look
   */
  function draw(entries, next, look) {
    [points, by, texts] = [next, look.by, look.texts];
    const all = split(entries);
    listed = new Map(all.map((one) => [one.code, one.colour]));
    const focused = closest(document.activeElement, "[data-code]")?.dataset.code;
    const reset = make("li", { className: "explore-all" }, make("button", { type: "button", textContent: "Show all" }));
    box.replaceChildren(...all.map(item), reset);
    if (focused !== undefined) find(box, `[data-code="${focused}"]`)?.focus();
    tick();
  }

  /**
   * The entries with the extra one, if it is among the others.
   * @param {LegendEntry[]} entries
   */
  function split(entries) {
    const others = entries.find((one) => one.code === OTHERS);
    if (extra === null || by === "modality" || !others || entries.some((one) => one.code === extra)) {
      extra = null;
      return entries;
    }
    let count = 0;
    for (const code of points[by]) count += Number(code === extra);
    const own = { code: extra, label: points.labels[by][extra], colour: others.colour, count };
    return [own, ...entries.map((one) => (one === others ? { ...one, count: one.count - count } : one))];
  }

  /** @param {LegendEntry} entry */
  function item({ code, label, colour, count }) {
    const button = make(
      "button",
      { type: "button", disabled: by === "modality" && code === 0 }, // speech is always there
      dot(colour),
      make("span", { textContent: label || "Not stated", dir: "auto" }),
      make("small", { textContent: count.toLocaleString("en") }),
    );
    button.setAttribute("role", "switch");
    button.dataset.code = String(code);
    return make("li", {}, button);
  }

  function tick() {
    for (const button of parts(box, "[data-code]")) {
      const code = Number(button.dataset.code);
      button.setAttribute("aria-checked", String(by === "modality" ? code === 0 || texts : !off.has(code)));
    }
    part(box, ".explore-all").hidden = off.size === 0;
  }

  /**
   * The entry that a point belongs to.
   * @param {number} row
   */
  function codeOf(row) {
    const own = by === "modality" ? 0 : points[by][row];
    return listed.has(own) ? own : OTHERS;
  }

  const passes = (/** @type {number} */ row) => by === "modality" || !off.has(codeOf(row));

  box.addEventListener("click", ({ target }) => {
    const button = closest(target, "button");
    if (!button) return;
    const code = Number(button.dataset.code);
    if (closest(button, ".explore-all")) {
      find(box, "[data-code]")?.focus();
      off.clear();
    } else if (by === "modality") return turn();
    else if (!off.delete(code)) off.add(code);
    tick();
    changed();
  });

  return {
    draw,
    passes,

    /** @param {number} row */
    colour: (row) => listed.get(codeOf(row)) ?? "",

    /** Which points are drawn in full; null: all. */
    shown: () => (off.size ? Uint8Array.from({ length: points.count }, (_, row) => Number(passes(row))) : null),

    /** Nothing is switched off any more. */
    clear: () => ([off, extra] = [new Set(), null]),

    /**
     * A code is to have an entry of its own, before `draw`…
     * @param {number} code
     */
    prepare: (code) => ([off, extra] = [new Set(), code]),

    /**
     * … and after it alone is to be shown.
     * @param {number} code
     */
    only(code) {
      off = new Set([...listed.keys()].filter((one) => one !== code));
      tick();
    },

    written: () => write(off, extra),
    /** @param {string} text */
    read: (text) => ([off, extra] = read(text)),
  };
}
