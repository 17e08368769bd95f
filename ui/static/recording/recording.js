// @ts-check
/* The page of a recording: play it, read along, go from hit to hit, and back to the results. */

import { toClipboard } from "../common/clipboard.js";
import { closest, find, part, parts } from "../common/dom.js";
import { clock } from "../common/format.js";
import * as menus from "../common/menus.js";
import { audio, followers, playing, stop, watchers } from "../common/player.js";
import * as theme from "../common/theme.js";
import * as strips from "../search/strips.js";
import { editor } from "./editing.js";
import { finder } from "./find.js";
import { notes } from "./notes.js";
import { speakers } from "./speakers.js";
import { transcript } from "./transcript.js";
import { last, moment } from "./words.js";

const ARROW = 5; // seconds that an arrow key moves
const LEAP = 10; // seconds of J and L
const END = 0.5; // seconds before the end from which playing begins anew
const SCROLLS = ["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"]; // keys

const player = part(document, ".player");
const strip = part(player, ".strip");
const toggle = part(player, "[data-toggle]");
const follow = part(player, "[data-follow]");
const duration = Number(strip.dataset.duration);
const lines = transcript(part(document, ".lines"), [player, part(document, ".stay")]);
const video = find(player, "video", HTMLVideoElement);
const hits = parts(strip, ".mark").map((mark) => Number(mark.dataset.at)); // seconds
let here = 0; // seconds
let following = true; // whether the transcript scrolls along

theme.mount();
menus.mount();
strips.show();
finder(part(document, ".find"), lines, () => along(false));
const edit = editor(part(document, ".lines"), lines, () => along(false));
const note = notes(part(document, ".lines"), playFrom);
speakers(part(document, ".lines"));

// ---- where it is --------------------------------------------------------------------------------------------

/**
 * Say where it is.
 * @param {number} seconds
 */
function at(seconds) {
  here = Math.min(Math.max(0, seconds), duration);
  const now = part(player, ".clock .now");
  if (now.textContent !== clock(here)) now.textContent = clock(here);
  if (lines.mark(here) && following) lines.reveal(lines.current());
}

/**
 * Whether the transcript scrolls along from now on.
 * @param {boolean} next
 */
function along(next) {
  following = next;
  follow.hidden = next || !playing();
  if (next) lines.reveal(lines.current());
}

watchers.add((position) => {
  if (position) at(position.seconds);
});
followers.add((now) => {
  toggle.setAttribute("aria-pressed", String(now !== null));
  toggle.setAttribute("aria-label", now ? "Pause" : "Play");
  if (!now) follow.hidden = true;
});

// ---- playing ------------------------------------------------------------------------------------------------

/** @param {number} seconds */
function playFrom(seconds) {
  strips.play(strip, seconds);
  at(seconds);
  along(true);
}

/** @param {number} seconds */
function goTo(seconds) {
  if (playing()) return playFrom(seconds);
  at(seconds);
  strips.move(strip, here);
  if (strip.dataset.src === video?.dataset.film) audio.currentTime = here; // its picture
  along(true);
}

function playOrPause() {
  if (playing()) stop();
  else playFrom(here > duration - END ? 0 : here);
}

/**
 * Play the next hit, or the one before; after the last comes the first.
 * @param {number} step 1 or -1
 */
function playHit(step) {
  if (!hits.length) return;
  const before = last(hits, here + (step > 0 ? 0.05 : -1));
  playFrom(/** @type {number} */ (hits.at(step > 0 ? (before + 1) % hits.length : before)));
}

/**
 * The picture of a video: the file itself is played, if the browser can.
 * @param {HTMLVideoElement} video
 */
function show(video) {
  const { film = "" } = video.dataset;
  const own = () => video.src === new URL(film, document.baseURI).href;
  video.addEventListener("loadedmetadata", () => {
    if (own() && video.videoWidth) strip.dataset.src = film;
    else video.hidden = true;
  });
  video.addEventListener("error", () => {
    if (!own()) return;
    video.hidden = true;
    video.removeAttribute("src");
  });
  video.addEventListener("click", playOrPause);
  video.preload = "metadata";
  video.src = film;
}

// ---- links --------------------------------------------------------------------------------------------------

/** The address of this moment. */
const link = () => `${location.origin}${location.pathname}#t=${here.toFixed(1)}`;

/** @param {HTMLElement} button */
async function copy(button) {
  const { citation, private: secret } = player.dataset;
  const cited = [citation, clock(here), ...(secret === undefined ? [link()] : [])].join(", ");
  await toClipboard(button.dataset.copy === "link" ? link() : cited);
  const [label, status] = [button.textContent, part(document, "[data-copied]")];
  status.textContent = button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = label;
    status.textContent = "";
  }, 1500);
}

/** Whether the browser's Back leads to what this page was opened from. */
function opened() {
  return document.referrer.split(/[?#]/)[0] === new URL("./", document.baseURI).href && history.length > 1;
}

/** To the results, as they were if they are where this page was opened. */
function leave() {
  if (opened()) history.back();
  else location.assign(part(document, ".back", HTMLAnchorElement).href);
}

/** Another tab than Search is called by its name. */
function nameBack() {
  const tab = opened() && new URL(document.referrer).searchParams.get("tab");
  if (tab) part(document, ".back").lastChild?.replaceWith(` Back to the ${tab} tab`);
}

function goToMoment() {
  const seconds = moment(location.hash);
  if (seconds !== null) goTo(seconds);
}

// ---- what a person does -------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const back = closest(event.target, ".back");
  const { seek, step, copy: copied } = closest(event.target, "button")?.dataset ?? {};
  const seconds = lines.pressed(event.target);
  if (back) {
    event.preventDefault();
    leave();
  } else if (closest(event.target, "[data-toggle]")) playOrPause();
  else if (closest(event.target, "[data-follow]")) along(true);
  else if (closest(event.target, "[data-note-add]")) note(here);
  else if (seek) goTo(here + Number(seek));
  else if (step) playHit(Number(step));
  else if (copied) copy(/** @type {HTMLElement} */ (closest(event.target, "button")));
  else if (closest(event.target, ".seek")) along(true);
  else if (seconds !== null) playFrom(seconds);
});

part(player, "[data-speed]", HTMLSelectElement).addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLSelectElement)) return;
  audio.defaultPlaybackRate = audio.playbackRate = Number(target.value);
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return leave();
  if (closest(event.target, "input, select, textarea")) return;
  if (SCROLLS.includes(event.key)) return along(false);
  /** @type {Record<string, () => void>} */
  const keys = {
    k: playOrPause,
    j: () => goTo(here - LEAP),
    l: () => goTo(here + LEAP),
    ArrowLeft: () => goTo(here - ARROW),
    ArrowRight: () => goTo(here + ARROW),
    n: () => playHit(event.shiftKey ? -1 : 1),
    e: edit,
    m: () => note(here),
  };
  if (!closest(event.target, "button, a, summary")) keys[" "] = playOrPause; // which a space presses
  const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

for (const event of ["wheel", "touchmove"]) window.addEventListener(event, () => along(false), { passive: true });
window.addEventListener("pointerdown", ({ target }) => {
  if (target === document.documentElement) along(false); // the bar at its side
});
window.addEventListener("hashchange", goToMoment);

if (video) show(video);
goToMoment();
nameBack();
