/* The list of the live tab: what was said, newest first, with what it finds; nothing of it leaves the page unless it
   is saved. */
"use strict";

clasp.utterances = (element, trail) => {
  const list = element.querySelector(".utterances");
  const [form, hitForm] = ["utterance", "utterance-hit"].map((name) => element.querySelector(`.${name}-form`).content);
  const SOUNDS = 200; // utterances that can be replayed
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let entries = []; // oldest first
  let count = 0;

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  /* A guess, or what an utterance finds; `key` is the same for both, `at` is when it began, in seconds, `map` stands for
     the library in addresses. */
  function show(key, at, utterance, library, map) {
    let entry = entries.find((one) => one.key === key);
    if (entry?.settled) return entry;
    if (!entry) {
      const node = form.firstElementChild.cloneNode(true);
      node.dataset.number = ++count;
      entry = { key, node, at, library, map, number: count, hits: [], path: [], settled: false };
      entry.node.querySelector("time").textContent = clock(at);
      entries.push(entry);
      grow(node, () => list.prepend(node));
    }
    entry.hits = utterance.hits;
    if (utterance.place) entry.path.push(utterance.place);
    if (utterance.final) {
      Object.assign(entry, { settled: true, at, seconds: utterance.end - utterance.start });
      entry.node.querySelector("time").textContent = clock(at);
    }
    entry.node.dataset.settled = utterance.final;
    entry.node.dataset.strong = utterance.hits.length > 0;
    const state = utterance.problem || (utterance.hits.length ? "" : utterance.final ? "No strong match" : "Listening …");
    entry.node.querySelector(".utterance-state").textContent = state;
    const hits = entry.node.querySelector(".utterance-hits");
    grow(hits, () => fill(hits, utterance.hits, library));
    if (utterance.final) announce(entry, state);
    trail.show(entry);
    changed();
    return entry;
  }

  /* What will not be answered any more stays as a guess; `keys` is what the keys of such entries begin with. */
  function abandon(keys, sentence) {
    for (const entry of entries.filter((one) => !one.settled && one.key.startsWith(keys))) {
      entry.settled = true;
      entry.node.querySelector(".utterance-state").textContent = sentence;
      entry.node.dataset.settled = "lost";
    }
  }

  /* The best hits in their places: who stays moves there, who comes fades in. */
  function fill(box, hits, library) {
    const before = new Map([...box.children].map((row) => [row.dataset.segment, row]));
    const tops = new Map([...before].map(([id, row]) => [id, row.offsetTop]));
    const rows = hits.map((hit) => before.get(String(hit.id)) ?? made(hit, library));
    hits.forEach((hit, n) => (rows[n].querySelector(".percent").textContent = `${hit.percent} %`));
    if (rows.length !== box.children.length || rows.some((row, n) => row !== box.children[n]))
      box.replaceChildren(...rows);
    if (calm.matches) return;
    for (const row of rows) {
      const top = tops.get(row.dataset.segment);
      if (top === undefined) row.animate([{ opacity: 0 }, {}], 250);
      else if (top !== row.offsetTop)
        row.animate([{ transform: `translateY(${top - row.offsetTop}px)` }, {}], { duration: 250, easing: "ease" });
    }
  }

  function made(hit, library) {
    const row = hitForm.firstElementChild.cloneNode(true);
    const part = (selector) => row.querySelector(selector);
    row.dataset.segment = hit.id;
    const text = hit.text || "Not written down: press play to hear it";
    Object.assign(part(".transcript"), { textContent: text, lang: hit.language });
    part(".transcript").classList.toggle("unknown", !hit.text);
    const facts = hit.facts.map((fact) => Object.assign(document.createElement("span"), { textContent: fact }));
    const dot = document.createElement("i");
    dot.style.background = `var(--category-${hit.colour})`;
    facts[0].prepend(dot);
    part(".facts").append(...facts);
    plays(part(".play-button"), `${library}/${hit.id}`, hit.src, hit.start, hit.end, hit.text ? `Play: ${hit.text}` : "Play");
    const link = part("a");
    link.href = `?${new URLSearchParams({ like: hit.id, library })}`;
    link.setAttribute("aria-label", `Open in Search, in a new tab: ${text}`);
    return row;
  }

  function plays(button, id, src, start, end, label) {
    Object.assign(button.dataset, { play: id, src, start, end });
    button.setAttribute("aria-label", label);
    button.disabled = false;
  }

  /* What the microphone heard of it, as Int16Array. */
  function sound(entry, samples, rate) {
    if (!samples.length) return;
    entry.sound = URL.createObjectURL(new Blob([header(samples.length, rate), samples], { type: "audio/wav" }));
    const button = entry.node.querySelector(".play-button");
    plays(button, -entry.number, entry.sound, 0, 0, `Replay what you said at ${clock(entry.at)}`);
    const old = entries[entries.length - 1 - SOUNDS];
    if (old?.sound) silence(old);
  }

  function silence(entry) {
    URL.revokeObjectURL(entry.sound);
    entry.node.querySelector(".play-button").disabled = true;
    delete entry.sound;
  }

  function header(length, rate) {
    const view = new DataView(new ArrayBuffer(44));
    const text = (at, word) => [...word].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
    text(0, "RIFF");
    view.setUint32(4, 36 + 2 * length, true);
    text(8, "WAVEfmt ");
    view.setUint32(16, 16, true); // bytes of the format: PCM, one channel
    view.setUint16(20, 1, true);
    view.setUint16(22, 1, true);
    view.setUint32(24, rate, true);
    view.setUint32(28, 2 * rate, true);
    view.setUint16(32, 2, true);
    view.setUint16(34, 16, true);
    text(36, "data");
    view.setUint32(40, 2 * length, true);
    return view;
  }

  /* Changes the height of a node calmly. */
  function grow(node, change) {
    const before = node.offsetHeight;
    change();
    const after = node.offsetHeight;
    if (before === after || calm.matches) return;
    node.animate([{ height: `${before}px`, overflow: "clip" }, { height: `${after}px`, overflow: "clip" }], {
      duration: 250,
      easing: "ease",
    });
  }

  function announce(entry, state) {
    const best = entry.hits[0];
    element.querySelector(".live-announcement").textContent = best
      ? `At ${clock(entry.at)}, ${best.percent} % likely: ${best.text || "an utterance that is not written down"}`
      : `At ${clock(entry.at)}: ${state}`;
  }

  function changed() {
    for (const name of ["save", "clear"]) element.querySelector(`[data-live=${name}]`).disabled = !entries.length;
    element.querySelector(".live-empty").hidden = entries.length > 0;
  }

  function clear() {
    clasp.stop();
    for (const entry of entries) if (entry.sound) URL.revokeObjectURL(entry.sound);
    entries = entries.filter((entry) => !entry.settled); // what is being said goes on
    list.replaceChildren(...entries.map((entry) => entry.node).reverse());
    trail.keep(entries);
    changed();
  }

  function save(began) {
    const round = (seconds) => Math.round(1000 * seconds) / 1000;
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
    Object.assign(document.createElement("a"), { href, download }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  for (const event of ["pointerover", "pointerleave", "focusin", "focusout"])
    list.addEventListener(event, ({ type, target, relatedTarget }) => {
      const node = (type === "focusout" || type === "pointerleave" ? relatedTarget : target)?.closest?.(".utterance");
      trail.point(entries.find((entry) => entry.node === node) ?? null);
    });

  return { show, sound, abandon, clear, save, clock };
};
