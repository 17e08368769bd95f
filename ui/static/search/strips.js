// @ts-check
/* Recordings as waveforms: drawn when they come into view; a click plays from there, the playhead goes along. */

import { closest, part, parts } from "../common/dom.js";
import { clock } from "../common/format.js";
import { play as playSound, stop, watchers } from "../common/player.js";

const POINTS = 800; // loudnesses that are fetched
const BAR = 3; // pixels for each loudness
const STEP = 5; // seconds that an arrow key moves
/** @type {Map<string, Promise<number[]>>} */
const known = new Map(); // loudness, by address
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) sized.observe(target);
});
const sized = new ResizeObserver((entries) => {
  for (const { target } of entries) draw(/** @type {HTMLElement} */ (target));
});

/**
 * @param {string} address
 * @returns {Promise<number[]>}
 */
function loudnessOf(address) {
  const found =
    known.get(address) ??
    fetch(`${address}?points=${POINTS}`)
      .then(async (reply) => (reply.ok ? (await reply.json()).loudness : []))
      .catch(() => []);
  known.set(address, found);
  return found;
}

/** @param {HTMLElement} strip */
async function draw(strip) {
  const address = strip.dataset.envelope ?? "";
  const loudness = await loudnessOf(address);
  if (!strip.isConnected || strip.dataset.envelope !== address || loudness.length === 0) return;
  const count = Math.min(loudness.length, Math.max(40, Math.round(strip.clientWidth / BAR)));
  const edge = (/** @type {number} */ n) => Math.round((n * loudness.length) / count);
  const values = Array.from({ length: count }, (_, n) => Math.max(...loudness.slice(edge(n), edge(n + 1))));
  const top = Math.max(...values, 1);
  const path = values.map((value, n) => {
    const half = 1 + (48 * value) / top;
    return `M${n + 0.5} ${(50 - half).toFixed(1)}V${(50 + half).toFixed(1)}`;
  });
  part(strip, ".wave").innerHTML =
    `<svg viewBox="0 0 ${values.length} 100" preserveAspectRatio="none" aria-hidden="true"><path d="${path.join("")}"/></svg>`;
}

/** All strips of a new answer. */
export function show() {
  seen.disconnect();
  sized.disconnect();
  for (const strip of parts(document, ".strip")) seen.observe(strip);
}

watchers.add((position) => {
  for (const strip of parts(document, ".strip")) {
    const own = position !== null && position.recording === strip.dataset.src;
    strip.classList.toggle("playing", own);
    if (own) move(strip, position.seconds);
  }
});

/**
 * Put the playhead somewhere.
 * @param {HTMLElement} strip
 * @param {number} seconds
 */
export function move(strip, seconds) {
  const duration = Number(strip.dataset.duration);
  const seek = part(strip, ".seek");
  strip.style.setProperty("--now", String(Math.min(1, seconds / duration)));
  const whole = String(Math.floor(seconds));
  if (seek.getAttribute("aria-valuenow") === whole) return;
  seek.setAttribute("aria-valuenow", whole);
  seek.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(duration)}`);
}

/**
 * Play a recording from somewhere.
 * @param {HTMLElement} strip
 * @param {number} seconds
 */
export function play(strip, seconds) {
  const { src = "", duration } = strip.dataset;
  const start = Math.min(Math.max(0, seconds), Number(duration) - 0.1);
  move(strip, start);
  playSound({ id: `strip ${src}`, src, start, end: 0 });
}

/** @param {Event} event */
const stripOf = (event) => closest(closest(event.target, ".strip .seek"), ".strip");

/**
 * Where on a strip a pointer is, from 0 to 1.
 * @param {HTMLElement} strip
 * @param {MouseEvent} event
 */
function share(strip, event) {
  const { left, width } = strip.getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - left) / width));
}

document.addEventListener("click", (event) => {
  const strip = stripOf(event);
  if (strip) play(strip, share(strip, event) * Number(strip.dataset.duration));
});

document.addEventListener("keydown", (event) => {
  const strip = stripOf(event);
  if (!strip) return;
  const now = Number(part(strip, ".seek").getAttribute("aria-valuenow"));
  const moves = { ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP };
  const pages = { PageUp: 6 * STEP, PageDown: -6 * STEP, Home: -now, End: Number(strip.dataset.duration) - now - STEP };
  const move = { ...moves, ...pages }[event.key];
  if (move !== undefined) play(strip, now + move);
  else if (event.key !== " " && event.key !== "Enter") return;
  else if (strip.classList.contains("playing")) stop();
  else play(strip, now);
  event.preventDefault();
});

document.addEventListener("pointermove", (event) => {
  const strip = stripOf(event);
  if (!strip) return;
  const at = share(strip, event);
  strip.style.setProperty("--point", String(at));
  part(strip, ".seek").title = clock(at * Number(strip.dataset.duration));
});
