// @ts-check
/* The list of the Live tab: the utterances, newest first, with what each finds; nothing of it leaves the page unless it
   is saved. */

import { closest, copy, dot, make, part } from "../common/dom.js";
import { clock } from "../common/format.js";
import { stop } from "../common/player.js";
import { trail as makeTrail } from "./trail.js";
import { wav } from "./wav.js";

const SOUNDS = 200; // utterances that can be replayed

/**
 * A hit as the server sends it, see ui/live/protocol.py.
 * @typedef {{
 *   id: number, text: string, language: string, facts: string[], colour: number, percent: number, src: string,
 *   start: number, end: number
 * }} Hit
 */
/**
 * An utterance, or its beginning, as the server sends it; times in seconds.
 * @typedef {{
 *   number: number, start: number, end: number, final: boolean, delay: number, problem: string, hits: Hit[],
 *   place: Place | null
 * }} Utterance
 */
/**
 * An utterance in the list: when it began, in seconds, and which library was searched; `map` stands for that in addresses.
 * @typedef {{
 *   key: string, node: HTMLElement, at: number, library: string, map: string, number: number, hits: Hit[], path: Place[],
 *   settled: boolean, seconds: number, sound: string
 * }} Entry
 */

/** @param {HTMLElement} element */
export function utterances(element) {
  const trail = makeTrail(element);
  const list = part(element, ".utterances");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {Entry[]} */
  let entries = []; // oldest first
  let count = 0;

  /**
   * Show a guess, or what an utterance finds.
   * @param {string} key the same for both
   * @param {number} at when it began, in seconds
   * @param {Utterance} utterance
   * @param {{ library: string, map: string }} searched
   */
  function show(key, at, utterance, { library, map }) {
    const entry = entries.find((one) => one.key === key) ?? begun(key, at, library, map);
    if (entry.settled) return entry;
    const { hits, place, final, start, end, problem } = utterance;
    entry.hits = hits;
    if (place) entry.path.push(place);
    if (final) Object.assign(entry, { settled: true, at, seconds: end - start });
    part(entry.node, "time").textContent = clock(entry.at);
    entry.node.dataset.settled = String(final);
    entry.node.dataset.strong = String(hits.length > 0);
    const state = problem || (hits.length ? "" : final ? "No strong match" : "Listening…");
    part(entry.node, ".utterance-state").textContent = state;
    const box = part(entry.node, ".utterance-hits");
    grow(box, () => fill(box, hits, library));
    if (final) announce(entry, state);
    trail.show(entry);
    changed();
    return entry;
  }

  /**
   * @param {string} key
   * @param {number} at
   * @param {string} library
   * @param {string} map
   */
  function begun(key, at, library, map) {
    const node = copy(element, ".utterance-form");
    node.dataset.number = String(++count);
    /** @type {Entry} */
    const entry = {
      key,
      node,
      at,
      library,
      map,
      number: count,
      hits: [],
      path: [],
      settled: false,
      seconds: 0,
      sound: "",
    };
    entries.push(entry);
    grow(node, () => list.prepend(node));
    return entry;
  }

  /**
   * What will not be answered any more stays as a guess.
   * @param {string} keys what the keys of such entries begin with
   * @param {string} sentence
   */
  function abandon(keys, sentence) {
    for (const entry of entries.filter((one) => !one.settled && one.key.startsWith(keys))) {
      entry.settled = true;
      part(entry.node, ".utterance-state").textContent = sentence;
      entry.node.dataset.settled = "lost";
    }
  }

  /**
   * The best hits in their places: who stays moves there, who comes fades in.
   * @param {HTMLElement} box
   * @param {Hit[]} hits
   * @param {string} library
   */
  function fill(box, hits, library) {
    const old = /** @type {HTMLElement[]} */ ([...box.children]);
    const tops = new Map(old.map((row) => [row, row.offsetTop]));
    const rows = hits.map((hit) => old.find((row) => row.dataset.segment === String(hit.id)) ?? made(hit, library));
    for (const [n, { percent }] of hits.entries()) part(rows[n], ".percent").textContent = `${percent}%`;
    if (rows.length !== old.length || rows.some((row, n) => row !== old[n])) box.replaceChildren(...rows);
    if (calm.matches) return;
    for (const row of rows) {
      const top = tops.get(row);
      if (top === undefined) row.animate([{ opacity: 0 }, {}], 250);
      else if (top !== row.offsetTop)
        row.animate([{ transform: `translateY(${top - row.offsetTop}px)` }, {}], { duration: 250, easing: "ease" });
    }
  }

  /**
   * @param {Hit} hit
   * @param {string} library
   */
  function made(hit, library) {
    const row = copy(element, ".utterance-hit-form");
    row.dataset.segment = String(hit.id);
    const text = hit.text || "No transcript";
    const transcript = part(row, ".transcript");
    Object.assign(transcript, { textContent: text, lang: hit.language });
    transcript.classList.toggle("unknown", !hit.text);
    const facts = hit.facts.map((fact) => make("span", { textContent: fact }));
    facts[0].prepend(dot(`var(--category-${hit.colour})`));
    part(row, ".facts").append(...facts);
    const { src, start, end } = hit;
    plays(
      part(row, ".play-button"),
      { id: `${library}/${hit.id}`, src, start, end },
      hit.text ? `Play: ${hit.text}` : "Play",
    );
    const link = part(row, "a", HTMLAnchorElement);
    link.href = `?${new URLSearchParams({ like: String(hit.id), library })}`;
    link.setAttribute("aria-label", `Open in Search, in a new tab: ${text}`);
    return row;
  }

  /**
   * Let a button play something.
   * @param {HTMLElement} button
   * @param {Sound} sound
   * @param {string} label
   */
  function plays(button, { id, ...sound }, label) {
    Object.assign(button.dataset, { play: id, ...sound });
    button.setAttribute("aria-label", label);
    button.toggleAttribute("disabled", false);
  }

  /**
   * Keep the sound of an utterance, for as long as there are not too many.
   * @param {Entry} entry
   * @param {Int16Array<ArrayBuffer>} samples
   * @param {number} rate in Hz
   */
  function keepSound(entry, samples, rate) {
    if (!samples.length) return;
    entry.sound = URL.createObjectURL(wav(samples, rate));
    const sound = { id: String(-entry.number), src: entry.sound, start: 0, end: 0 };
    plays(part(entry.node, ".play-button"), sound, `Replay what you said at ${clock(entry.at)}`);
    const old = entries[entries.length - 1 - SOUNDS];
    if (!old?.sound) return;
    URL.revokeObjectURL(old.sound);
    part(old.node, ".play-button").toggleAttribute("disabled", true);
    old.sound = "";
  }

  /**
   * Changes the height of a node calmly.
   * @param {HTMLElement} node
   * @param {() => void} change
   */
  function grow(node, change) {
    const before = node.offsetHeight;
    change();
    const after = node.offsetHeight;
    if (before === after || calm.matches) return;
    const steps = [before, after].map((height) => ({ height: `${height}px`, overflow: "clip" }));
    node.animate(steps, { duration: 250, easing: "ease" });
  }

  /**
   * @param {Entry} entry
   * @param {string} state
   */
  function announce({ at, hits: [best] }, state) {
    part(element, ".live-announcement").textContent = best
      ? `At ${clock(at)}, ${best.percent}% likely: ${best.text || "an utterance without a transcript"}`
      : `At ${clock(at)}: ${state}`;
  }

  function changed() {
    for (const name of ["save", "clear"])
      part(element, `[data-live=${name}]`).toggleAttribute("disabled", !entries.length);
    part(element, ".live-empty").hidden = entries.length > 0;
  }

  function clear() {
    stop();
    for (const { sound } of entries) if (sound) URL.revokeObjectURL(sound);
    entries = entries.filter((entry) => !entry.settled); // what is being said goes on
    list.replaceChildren(...entries.map((entry) => entry.node).reverse());
    trail.keep(entries);
    changed();
  }

  /** @param {Date} began when the first one did */
  function save(began) {
    const round = (/** @type {number} */ seconds) => Math.round(1000 * seconds) / 1000;
    const utterances = entries
      .filter((entry) => entry.seconds)
      .map(({ at, seconds, library, hits }) => ({
        start: round(at),
        end: round(at + seconds),
        library,
        hits: hits.map(({ id, text, language, percent }) => ({ id, text, language, probability: percent / 100 })),
      }));
    const content = JSON.stringify({ began: began.toISOString(), utterances }, null, 2);
    const href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
    const download = `clasp-${began.toISOString().slice(0, 19).replace(/[:T]/g, "-")}.json`;
    make("a", { href, download }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  for (const event of ["pointerover", "pointerleave", "focusin", "focusout"])
    list.addEventListener(event, (happened) => {
      const { type, target, relatedTarget } = /** @type {PointerEvent | FocusEvent} */ (happened);
      const node = closest(type === "focusout" || type === "pointerleave" ? relatedTarget : target, ".utterance");
      trail.point(entries.find((entry) => entry.node === node) ?? null);
    });

  return { show, keepSound, abandon, clear, save, mapOf: trail.of };
}
