/* One player for every play button, every point of the map and every waveform: one sound at a time. */
"use strict";

window.clasp ??= {};

(() => {
  const followers = new Set(); // called with what now plays, or null
  const audio = new Audio();
  audio.preload = "none";
  audio.id = "player";
  let now = null; // {id, src, start, end, after} or null; without an end later than its start it plays on, then `after`
  let frame = 0;

  function play(item) {
    stop();
    document.querySelector("#recording .play-pause-button[aria-label=Pause]")?.click();
    now = item;
    const address = new URL(item.src, document.baseURI).href;
    if (audio.src !== address) audio.src = address;
    else audio.currentTime = item.start;
    audio.play().catch((error) => {
      if (error.name !== "AbortError" && now === item) fail();
    });
    announce();
    frame = requestAnimationFrame(follow);
  }

  audio.addEventListener("loadedmetadata", () => {
    if (now && now.start > 0) audio.currentTime = now.start;
  });
  audio.addEventListener("timeupdate", () => finished() && end()); // also where no frames are drawn

  const finished = () => now && (audio.ended || (now.end > now.start && audio.currentTime >= now.end));

  function end() {
    const { after } = now;
    stop();
    after?.();
  }

  function stop() {
    cancelAnimationFrame(frame);
    audio.pause();
    now = null;
    announce();
  }

  function fail() {
    const text = "This recording could not be played: is its file still where it was?";
    const pressed = document.querySelector(".play-button[aria-pressed=true]") ?? document.querySelector(".strip.playing");
    const card = pressed?.closest(".hit, .asked, .recording, .explore-entry");
    stop();
    if (!card) for (const caption of document.querySelectorAll(".map-caption")) caption.textContent = text;
    else if (!card.querySelector(".notice"))
      card.append(Object.assign(document.createElement("p"), { className: "notice", role: "alert", textContent: text }));
  }

  function follow() {
    if (!now) return;
    if (finished()) return end();
    const length = (now.end > now.start ? now.end : audio.duration || 1) - now.start;
    const done = Math.min(1, Math.max(0, (audio.currentTime - now.start) / length));
    for (const button of document.querySelectorAll(".play-button[aria-pressed=true]"))
      button.style.setProperty("--done", done);
    clasp.strips.follow(position());
    frame = requestAnimationFrame(follow);
  }

  /* Where in which recording it plays: its address, and seconds from its start. */
  function position() {
    return now && { recording: now.src, seconds: Math.max(audio.currentTime, audio.readyState ? 0 : now.start) };
  }

  function announce() {
    for (const button of document.querySelectorAll("[data-play]")) {
      const mine = now !== null && button.dataset.play === now.id;
      button.setAttribute("aria-pressed", mine);
      if (!mine) button.style.removeProperty("--done");
    }
    clasp.strips.follow(position());
    for (const follower of followers) follower(now);
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#recording .play-pause-button")) return stop();
    const button = event.target.closest?.("[data-play]");
    if (!button) return;
    const { play: id, src, start, end } = button.dataset;
    if (now?.id === id) stop();
    else play({ id, src, start: Number(start), end: Number(end) });
  });

  Object.assign(clasp, { audio, play, stop, announce, followers, playing: () => now });
})();
