/* Recordings as waveforms: drawn when they come into view; a click plays from there, the playhead goes along. */
"use strict";

window.clasp ??= {};

clasp.strips = (() => {
  const POINTS = 800; // loudnesses that are fetched
  const BAR = 3; // pixels for each loudness
  const STEP = 5; // seconds that an arrow key moves
  const known = new Map(); // loudness by address, as a promise
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) sized.observe(target);
  });
  const sized = new ResizeObserver((entries) => entries.forEach(({ target }) => draw(target)));

  const clock = (seconds) => {
    const [hours, minutes, rest] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
  };

  function loudness(address) {
    if (!known.has(address)) {
      const reply = fetch(`${address}?points=${POINTS}`).then((answer) => (answer.ok ? answer.json() : { loudness: [] }));
      known.set(address, reply.catch(() => ({ loudness: [] })));
    }
    return known.get(address);
  }

  async function draw(strip) {
    const address = strip.dataset.envelope;
    const { loudness: heard } = await loudness(address);
    if (!strip.isConnected || strip.dataset.envelope !== address || heard.length === 0) return;
    const count = Math.min(heard.length, Math.max(40, Math.round(strip.clientWidth / BAR)));
    const edge = (n) => Math.round((n * heard.length) / count);
    const values = Array.from({ length: count }, (_, n) => Math.max(...heard.slice(edge(n), edge(n + 1))));
    const top = Math.max(...values, 1);
    const path = values.map((value, n) => {
      const half = 1 + (48 * value) / top;
      return `M${n + 0.5} ${(50 - half).toFixed(1)}V${(50 + half).toFixed(1)}`;
    });
    strip.querySelector(".wave").innerHTML =
      `<svg viewBox="0 0 ${values.length} 100" preserveAspectRatio="none" aria-hidden="true"><path d="${path.join("")}"/></svg>`;
  }

  /* All strips of a new answer. */
  function show() {
    seen.disconnect();
    sized.disconnect();
    for (const strip of document.querySelectorAll(".strip")) seen.observe(strip);
  }

  function follow(position) {
    for (const strip of document.querySelectorAll(".strip")) {
      const mine = position !== null && position.recording === strip.dataset.src;
      strip.classList.toggle("playing", mine);
      if (mine) at(strip, position.seconds);
    }
  }

  /* Put the playhead somewhere. */
  function at(strip, seconds) {
    const duration = Number(strip.dataset.duration);
    const seek = strip.querySelector(".seek");
    strip.style.setProperty("--now", Math.min(1, seconds / duration));
    const whole = Math.floor(seconds);
    if (seek.getAttribute("aria-valuenow") === String(whole)) return;
    seek.setAttribute("aria-valuenow", whole);
    seek.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(duration)}`);
  }

  function play(strip, seconds) {
    const { src, duration } = strip.dataset;
    const start = Math.min(Math.max(0, seconds), Number(duration) - 0.1);
    at(strip, start);
    clasp.play({ id: `strip ${src}`, src, start, end: 0 });
  }

  const stripOf = (event) => event.target.closest?.(".strip .seek")?.parentElement;

  document.addEventListener("click", (event) => {
    const strip = stripOf(event);
    if (!strip) return;
    const { left, width } = strip.getBoundingClientRect();
    play(strip, ((event.clientX - left) / width) * Number(strip.dataset.duration));
  });

  document.addEventListener("keydown", (event) => {
    const strip = stripOf(event);
    if (!strip) return;
    const now = Number(strip.querySelector(".seek").getAttribute("aria-valuenow"));
    const moves = { ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP };
    const pages = { PageUp: 6 * STEP, PageDown: -6 * STEP, Home: -now, End: Number(strip.dataset.duration) - now - STEP };
    const move = moves[event.key] ?? pages[event.key];
    if (move !== undefined) play(strip, now + move);
    else if (event.key !== " " && event.key !== "Enter") return;
    else if (strip.classList.contains("playing")) clasp.stop();
    else play(strip, now);
    event.preventDefault();
  });

  document.addEventListener("pointermove", (event) => {
    const strip = stripOf(event);
    if (!strip) return;
    const { left, width } = strip.getBoundingClientRect();
    strip.style.setProperty("--point", Math.min(1, Math.max(0, (event.clientX - left) / width)));
    const seconds = ((event.clientX - left) / width) * Number(strip.dataset.duration);
    strip.querySelector(".seek").title = clock(Math.max(0, seconds));
  });

  return { show, follow };
})();
