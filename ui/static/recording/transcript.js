// @ts-check
/* The transcript of a recording: an utterance a line. What comes into view is divided into words. */

import { closest, find, make, part, parts } from "../common/dom.js";
import { last, pieces, placed } from "./words.js";

/** @typedef {import("./words.js").Word} Word */
/** @typedef {import("./words.js").Span} Span */
/** @typedef {{ node: HTMLElement, start: number, text: string }} Line */

const EARLY = 0.05; // seconds before a line begins at which it is taken to have begun: players are not exact
const SETTLING = 6; // frames
const NEAR = "400px"; // above and below what is seen, lines are made ready

/**
 * @param {HTMLElement} box
 * @param {HTMLElement[]} covers what stays in sight above the lines
 */
export function transcript(box, covers) {
  /** @type {Line[]} */
  const lines = parts(box, "li").map((node) => ({
    node,
    start: Number(node.dataset.at),
    text: find(node, ".transcript:not(.unknown)")?.textContent ?? "",
  }));
  const starts = lines.map(({ start }) => start);
  const numbers = new Map(lines.map(({ node }, n) => [/** @type {Element} */ (node), n]));
  /** @type {Set<number>} */
  const seen = new Set(); // lines in view
  /** @type {Map<number, Span[]>} */
  let found = new Map(); // by line
  /** @type {Record<string, Word[]>} */
  let words = {}; // by segment
  let now = -1; // the line that plays
  let second = 0; // at which it does
  /** @type {HTMLElement | null} */
  let spoken = null; // the word that does

  /**
   * Divide a line into its words, and mark what was found in it.
   * @param {number} n of the line
   */
  function dress(n) {
    const { node, text } = lines[n];
    const own = words[node.dataset.segment ?? ""] ?? [];
    const spans = found.get(n) ?? [];
    const paragraph = part(node, ".transcript");
    if (!text || (!own.length && !spans.length && !paragraph.children.length)) return;
    const places = placed(
      text,
      own.map(([word]) => word),
    );
    /** @type {Node[]} */
    const nodes = [];
    let open = -1; // the word that the last piece belongs to
    for (const { from, to, word, found } of pieces(text.length, places, spans)) {
      const content = found ? make("mark", {}, text.slice(from, to)) : document.createTextNode(text.slice(from, to));
      if (word < 0) nodes.push(content);
      else if (word === open) nodes.at(-1)?.appendChild(content);
      else nodes.push(worded(own[word], content));
      open = word;
    }
    paragraph.replaceChildren(...nodes);
    if (n === now) speak();
  }

  /** Mark the word that is spoken. */
  function speak() {
    const all = now < 0 ? [] : parts(lines[now].node, ".word");
    const begins = all.map((one) => Number(one.dataset.at));
    const word = all[last(begins, second + EARLY)] ?? null;
    if (word === spoken) return;
    spoken?.classList.remove("spoken");
    word?.classList.add("spoken");
    spoken = word;
  }

  /**
   * @param {Word} word
   * @param {Node} content
   */
  function worded([, start, unsure], content) {
    const node = make("span", { className: unsure ? "word unsure" : "word" }, content);
    node.dataset.at = String(start);
    return node;
  }

  const dressAll = () => seen.forEach(dress);

  const views = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        const n = numbers.get(target) ?? -1;
        if (isIntersecting) dress(n);
        seen[isIntersecting ? "add" : "delete"](n);
      }
    },
    { rootMargin: NEAR },
  );
  for (const { node } of lines) views.observe(node);

  const address = find(box, "[data-words]")?.dataset.words;
  if (address)
    fetch(address)
      .then(async (reply) => {
        if (reply.ok) words = await reply.json();
        dressAll();
      })
      .catch(() => {}); // the lines can be read without

  /**
   * Bring a line into view, below the player.
   * @param {number} n
   */
  function reveal(n) {
    const node = lines[n]?.node;
    if (!node) return;
    const { top, bottom } = node.getBoundingClientRect();
    const [above, room] = seenBelow();
    if (top >= above + 8 && bottom <= above + 0.75 * room) return;
    const way = top - above - 0.25 * room;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || Math.abs(way) > 1.5 * room;
    window.scrollBy({ top: way, behavior: calm ? "instant" : "smooth" });
    if (calm) requestAnimationFrame(() => settle(node));
  }

  /** Where lines can be seen: from where on, and how much room there is. */
  function seenBelow() {
    const above = Math.max(...covers.map((one) => one.getBoundingClientRect().bottom));
    return [above, window.innerHeight - above];
  }

  /**
   * Keep a line in its place while those around it are drawn: until then their heights are guessed.
   * @param {HTMLElement} node
   */
  function settle(node, frames = SETTLING) {
    const [above, room] = seenBelow();
    window.scrollBy({ top: node.getBoundingClientRect().top - above - 0.25 * room, behavior: "instant" });
    if (frames > 1) requestAnimationFrame(() => settle(node, frames - 1));
  }

  return {
    lines,
    reveal,

    /**
     * Mark the line, and the word, of a second. Whether it is another line than before.
     * @param {number} seconds
     */
    mark(seconds) {
      const n = last(starts, seconds + EARLY);
      const changed = n !== now;
      if (changed) {
        lines[now]?.node.removeAttribute("aria-current");
        lines[n]?.node.setAttribute("aria-current", "true");
        now = n;
      }
      second = seconds;
      speak();
      return changed;
    },

    /** The line that plays, or was played last; -1 before the first. */
    current: () => now,

    /**
     * Mark what was found.
     * @param {Map<number, Span[]>} next by line
     */
    show(next) {
      found = next;
      dressAll();
    },

    /**
     * Give a line another text, which its paragraph has already.
     * @param {number} n of the line
     * @param {string} text
     * @param {Word[]} own its words
     */
    replace(n, text, own) {
      lines[n] = { ...lines[n], text };
      words[lines[n].node.dataset.segment ?? ""] = own;
      found.delete(n);
      dress(n);
    },

    /**
     * The second that was pressed: of a word, a line or a mark. null if none was, or some text was selected.
     * @param {EventTarget | null} target
     */
    pressed(target) {
      if (closest(target, "form, button:not(.time, .mark)")) return null;
      const at = closest(target, "[data-at]")?.dataset.at;
      return at === undefined || getSelection()?.isCollapsed === false ? null : Number(at);
    },
  };
}
