// @ts-check
/* Find a text in the transcript of a recording. */

import { closest, part } from "../common/dom.js";
import { occurrences, plain } from "./words.js";

const WAIT = 120; // milliseconds after the last letter

/**
 * @param {HTMLElement} box
 * @param {ReturnType<typeof import("./transcript.js").transcript>} transcript
 * @param {() => void} leave called before another place is shown: the sound is no longer followed
 */
export function finder(box, transcript, leave) {
  const input = part(box, "input", HTMLInputElement);
  const { lines } = transcript;
  /** @type {WeakMap<import("./transcript.js").Line, ReturnType<typeof plain>>} */
  const texts = new WeakMap(); // of the lines that were searched
  /** @type {number[]} */
  let found = []; // lines
  let at = -1; // of the found ones, that which is shown
  let timer = 0;

  function search() {
    const sought = input.value.trim();
    /** @type {Map<number, import("./words.js").Span[]>} */
    const spans = new Map();
    for (const [n, line] of lines.entries()) {
      const text = texts.get(line) ?? plain(line.text);
      texts.set(line, text);
      const places = occurrences(text, sought);
      if (places.length) spans.set(n, places);
    }
    point(-1);
    found = [...spans.keys()];
    transcript.show(spans);
    part(box, ".steps").hidden = !found.length;
    const next = found.findIndex((n) => n >= transcript.current());
    if (found.length) go(Math.max(0, next));
    else part(box, ".found").textContent = sought ? "Not found" : "";
  }

  /** @param {number} next */
  function point(next) {
    lines[found[at]]?.node.removeAttribute("data-found");
    at = next;
    lines[found[at]]?.node.setAttribute("data-found", "");
  }

  /** @param {number} next */
  function go(next) {
    if (!found.length) return;
    leave();
    point((next + found.length) % found.length);
    part(box, ".found").textContent = `${(at + 1).toLocaleString("en")} of ${found.length.toLocaleString("en")}`;
    transcript.reveal(found[at]);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(at + (event.shiftKey ? -1 : 1));
    else if (event.key === "Escape" && input.value) {
      input.value = "";
      search();
    } else return;
    event.preventDefault();
  });
  box.addEventListener("click", ({ target }) => {
    const step = closest(target, "[data-found]", HTMLButtonElement)?.dataset.found;
    if (step) go(at + Number(step));
  });
}
