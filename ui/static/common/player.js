// @ts-check
/* One player for every play button, every point of the map and every waveform: one sound at a time. */

import { closest, find, make, parts } from "./dom.js";

/** @typedef {{ recording: string, seconds: number }} Position in a recording, by its address */

/** Called with what plays from now on, or null. @type {Set<(now: Sound | null) => void>} */
export const followers = new Set();
/** Called with where it plays, as long as it does, and with null when it stops. @type {Set<(at: Position | null) => void>} */
export const watchers = new Set();

/** @type {HTMLMediaElement} with the picture of a recording, where the page has one */
export const audio = find(document, "[data-player]", HTMLMediaElement) ?? new Audio();
audio.preload = "none";
/** @type {Sound | null} */
let now = null;
let frame = 0;

/** What plays, or null. */
export const playing = () => now;

/** @param {Sound} sound */
export function play(sound) {
  stop();
  find(document, "#recording .play-pause-button[aria-label=Pause]")?.click();
  now = sound;
  const address = new URL(sound.src, document.baseURI).href;
  if (audio.src !== address) audio.src = address;
  else audio.currentTime = sound.start;
  audio.play().catch((error) => {
    if (error.name !== "AbortError" && now === sound) fail();
  });
  announce();
  frame = requestAnimationFrame(follow);
}

export function stop() {
  cancelAnimationFrame(frame);
  audio.pause();
  now = null;
  announce();
}

/** Dress the buttons, of which there may be new ones, and tell those who want to know. */
export function announce() {
  for (const button of parts(document, "[data-play]")) {
    const own = now !== null && button.dataset.play === now.id;
    button.setAttribute("aria-pressed", String(own));
    if (!own) button.style.removeProperty("--done");
  }
  for (const watcher of watchers) watcher(position());
  for (const follower of followers) follower(now);
}

audio.addEventListener("loadedmetadata", () => {
  if (now && now.start > 0) audio.currentTime = now.start;
});
audio.addEventListener("timeupdate", () => now && finished(now) && end(now)); // also where no frames are drawn

/** @param {Sound} sound */
const finished = (sound) => audio.ended || (sound.end > sound.start && audio.currentTime >= sound.end);

/** @param {Sound} sound */
function end(sound) {
  stop();
  sound.after?.();
}

function fail() {
  const text = "This recording could not be played. Its file may be missing.";
  const pressed = document.querySelector(".play-button[aria-pressed=true]") ?? document.querySelector(".strip.playing");
  const card = pressed?.closest(".hit, .asked, .recording, .explore-entry");
  stop();
  if (!card) for (const caption of document.querySelectorAll(".map-caption")) caption.textContent = text;
  else if (!card.querySelector(".notice"))
    card.append(make("p", { className: "notice", role: "alert", textContent: text }));
}

function follow() {
  if (!now) return;
  if (finished(now)) return end(now);
  const length = (now.end > now.start ? now.end : audio.duration || 1) - now.start;
  const done = Math.min(1, Math.max(0, (audio.currentTime - now.start) / length));
  for (const button of parts(document, ".play-button[aria-pressed=true]"))
    button.style.setProperty("--done", String(done));
  for (const watcher of watchers) watcher(position());
  frame = requestAnimationFrame(follow);
}

/** @returns {Position | null} */
const position = () =>
  now && { recording: now.src, seconds: Math.max(audio.currentTime, audio.readyState ? 0 : now.start) };

document.addEventListener("click", ({ target }) => {
  if (closest(target, "#recording .play-pause-button")) return stop();
  const { play: id, src, start, end } = closest(target, "[data-play]")?.dataset ?? {};
  if (id === undefined || src === undefined) return;
  if (now?.id === id) stop();
  else play({ id, src, start: Number(start), end: Number(end) });
});

window.clasp = { audio, playing, stop };
