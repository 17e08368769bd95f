/* The list beside the map: what is selected or was found, to be read, heard one after the other, and downloaded. */
"use strict";

clasp.maplist = (box, { only, point, save, colour, coloured }) => {
  const part = (selector) => box.querySelector(selector);
  const form = part(".explore-entry-form").content;
  const { count } = clasp.maplist;
  const PAGE = 100; // entries that are shown at once
  const AROUND = 0.4; // seconds before and after an utterance that are played with it
  const FACTS = ["recording", "category", "language", "speaker"];

  let points = null;
  let library = "";
  let shown = { rows: [] }; // what is listed: rows, and what they are
  let chances = new Map(); // probabilities by row
  let nodes = new Map(); // entries by row
  let run = null; // while they are played one after the other: where in the rows

  const clock = (seconds) => {
    const [whole, pad] = [Math.floor(seconds), (number) => String(number).padStart(2, "0")];
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
  };

  /* What the player must know of an utterance. */
  function sound(row) {
    return { id: `${library}/${points.id[row]}`, ...points.sound(row, AROUND) };
  }

  // ---- what is listed ---------------------------------------------------------------------------------------

  /* Other points, or none: then the list waits. */
  function open(next, name = "") {
    [points, library, shown] = [next, name, { rows: [] }];
    run = null;
    nodes = new Map();
    part("ol").replaceChildren();
    box.dataset.waiting = next === null;
    for (const one of box.querySelectorAll("[data-list]")) one.hidden = true;
    if (!next) say("", "");
  }

  /* Title and sentence for what is listed. */
  const TITLES = {
    all: ({ rows }) => [
      rows.length < points.of ? `${rows.length.toLocaleString("en")} of ${count(points.of)}` : count(points.of),
      "Lasso or box a part of the map, press a region, or find something, and it is listed here.",
    ],
    chosen: ({ rows }) => [`${rows.length.toLocaleString("en")} selected`, ""],
    hits: ({ rows, found: { hits, strong, missing, text } }) => {
      const away = missing ? `${missing} more are not among those drawn: find them in Search.` : "";
      if (strong) return [count(rows.length, "strong match", "es"), away];
      const best = Math.max(0, ...hits.map(({ probability }) => probability));
      const chance = best >= 0.01 ? `${Math.round(100 * best)} %` : "less than 1 %";
      const nearest = rows.length ? ` The nearest is ${chance} likely to mean it.` : "";
      return ["No strong match", `Nothing here says “${text}” with any confidence.${nearest}`];
    },
  };

  function show(next) {
    const same = next.rows.length === shown.rows.length && next.rows.every((row, n) => row === shown.rows[n]);
    if (!same && run !== null) clasp.stop();
    const held = box.contains(document.activeElement) ? document.activeElement : null;
    const place = [held?.closest(".explore-entry")?.dataset.row, held?.dataset.only];
    shown = next;
    chances = new Map(next.found?.hits.map(({ row, probability }) => [row, probability]));
    nodes = new Map();
    part("ol").replaceChildren();
    more();
    const [title, sentence] = TITLES[next.kind](next);
    const hidden = next.hidden && next.kind !== "all" ? `${count(next.hidden, "more", "")} switched off in the legend.` : "";
    say(title, [sentence, hidden].filter(Boolean).join(" "));
    for (const button of box.querySelectorAll("[data-list]")) button.hidden = !next.rows.length;
    part("[data-do=clear]").hidden = next.kind !== "chosen";
    const again = nodes.get(Number(place[0]))?.querySelector(`[data-only="${place[1]}"]`);
    if (held && (!held.isConnected || held.hidden)) (again ?? part("h2")).focus();
  }

  function say(title, sentence) {
    part("h2").textContent = title;
    part(".explore-summary").textContent = sentence;
    part(".explore-announcement").textContent = [title, sentence].filter(Boolean).join(": ");
    delete box.dataset.busy;
  }

  const busy = () => (box.dataset.busy = "");

  function more() {
    const from = nodes.size;
    const rows = shown.rows.slice(from, from + PAGE);
    const added = rows.map(entry);
    part("ol").append(...added);
    part(".explore-more").hidden = nodes.size >= shown.rows.length;
    part(".explore-more").textContent = `Show more (${(shown.rows.length - nodes.size).toLocaleString("en")})`;
    clasp.announce();
    return added;
  }

  function entry(row) {
    const node = form.firstElementChild.cloneNode(true);
    const inside = (selector) => node.querySelector(selector);
    const text = points.text[row] || "Not written down: press play to hear it";
    node.dataset.row = row;
    Object.assign(inside(".transcript"), { textContent: text, lang: points.names.language[points.language[row]] });
    inside(".transcript").classList.toggle("unknown", !points.text[row]);
    const { id, src, start, end } = sound(row);
    const button = inside(".play-button");
    Object.assign(button.dataset, { play: id, src, start: start.toFixed(3), end: end.toFixed(3) });
    button.setAttribute("aria-label", points.text[row] ? `Play: ${text}` : `Play from ${clock(points.start[row])}`);
    const time = Object.assign(document.createElement("time"), { textContent: clock(points.start[row]) });
    const like = Object.assign(document.createElement("a"), { textContent: "More like this", target: "_blank" });
    like.href = `?${new URLSearchParams({ like: points.id[row], library })}`;
    like.setAttribute("aria-label", `More like this, in Search and in a new tab: ${text}`);
    inside(".facts").append(...FACTS.map((name) => fact(name, row)).filter(Boolean), time, like);
    const dot = document.createElement("i");
    dot.style.background = colour(row);
    (inside(`[data-only="${coloured()}"]`) ?? inside(".facts").firstChild).prepend(dot);
    if (chances.has(row)) inside(".percent").textContent = `${Math.round(100 * chances.get(row))} %`;
    nodes.set(row, node);
    return node;
  }

  /* A fact of an utterance as a button that shows only what has it; nothing where it is not known. */
  function fact(name, row) {
    const label = points.labels[name][points[name][row]];
    if (!label || (name === "recording" && points.text[row].startsWith(label.replace(/…$/, "")))) return null; // said above
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label, dir: "auto" });
    button.dataset.only = name;
    button.title = `Show only: ${label}`;
    return button;
  }

  // ---- hearing ----------------------------------------------------------------------------------------------

  /* A point of the map was pressed: it is heard, or not any more. */
  function press(row) {
    const item = sound(row);
    if (clasp.playing()?.id === item.id) return clasp.stop();
    clasp.play(item);
    nodes.get(row)?.scrollIntoView({ block: "nearest" });
  }

  function playFrom(n) {
    if (n >= shown.rows.length) return;
    run = n;
    clasp.play({ ...sound(shown.rows[n]), after: () => playFrom(n + 1) });
    while (n >= nodes.size) more();
    nodes.get(shown.rows[n])?.scrollIntoView({ block: "nearest" });
  }

  const playing = () => {
    const id = clasp.playing()?.id;
    if (!points || !id?.startsWith(`${library}/`)) return null;
    return points.row(Number(id.slice(library.length + 1))) ?? null;
  };

  clasp.followers.add((now) => {
    if (!points) return;
    if (run !== null && (!now || now.id !== sound(shown.rows[run]).id)) run = null;
    const button = part("[data-do=play]");
    button.textContent = run === null ? "Play all" : "Stop";
    button.setAttribute("aria-pressed", run !== null);
    point(playing());
    for (const [row, node] of nodes) node.toggleAttribute("data-playing", now !== null && row === playing());
  });

  // ---- what a person does -----------------------------------------------------------------------------------

  for (const event of ["pointerover", "focusin"])
    box.addEventListener(event, ({ target }) => {
      const node = target.closest(".explore-entry");
      if (points) point(node ? Number(node.dataset.row) : playing());
    });
  for (const event of ["pointerleave", "focusout"]) box.addEventListener(event, () => points && point(playing()));

  box.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (button.dataset.only) only(button.dataset.only, Number(button.closest(".explore-entry").dataset.row));
    else if (button.matches(".explore-more")) more()[0].querySelector("button").focus();
    else if (button.dataset.do === "play") run === null ? playFrom(0) : clasp.stop();
    else if (button.dataset.save) {
      const menu = button.closest("details");
      menu.removeAttribute("open");
      menu.querySelector("summary").focus();
      save(button.dataset.save, shown.rows.map((row) => points.id[row]));
    }
  });

  /* What is pointed at on the map. */
  function pointed(row) {
    box.querySelector("[data-pointed]")?.removeAttribute("data-pointed");
    if (row !== null) nodes.get(row)?.setAttribute("data-pointed", "");
  }

  return { open, show, say, busy, press, pointed };
};

/* 1, "file" → "1 file"; 1200 → "1,200 utterances". */
clasp.maplist.count = (number, noun = "utterance", more = "s") =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : more}`;
