// @ts-check
/* The list beside the map: what is selected or was found, to be read, heard one after the other, and downloaded. */

import { closest, copy, dot, find, make, part, parts } from "../common/dom.js";
import { clock, count } from "../common/format.js";
import { closeToPress } from "../common/menus.js";
import { announce, followers, play, playing, stop } from "../common/player.js";

const PAGE = 100; // entries that are shown at once
const AROUND = 0.4; // seconds before and after an utterance that are played with it
const FACTS = /** @type {const} */ (["recording", "category", "language", "speaker"]);

/** @typedef {{ row: number, probability: number, strong: boolean }} Hit */
/**
 * The last answer; `missing` hits are not among the points that are drawn.
 * @typedef {{ query: Place | null, hits: Hit[], strong: boolean, missing: number, text: string }} Answer
 */
/**
 * What is listed: all points, those that were chosen, or those of an answer; `hidden` more are switched off.
 * @typedef {{ kind: "all" | "chosen" | "hits", rows: number[], hidden: number, found: Answer | null }} Listed
 */
/**
 * @typedef {{
 *   only: (fact: Fact, row: number) => void,
 *   point: (row: number | null) => void,
 *   save: (kind: string, ids: number[]) => void,
 *   colour: (row: number) => string,
 *   coloured: () => Look["by"],
 * }} Listeners of what is asked for alone, pointed at and downloaded; and what colours the points
 */

/** @type {Listed} */
const NOTHING = { kind: "all", rows: [], hidden: 0, found: null };

/**
 * Title and sentence for what is listed.
 * @param {Listed} listed
 * @param {number} of so many utterances
 */
function heading({ kind, rows, hidden, found }, of) {
  const off = hidden && kind !== "all" ? `${count(hidden, "more", "")} switched off in the legend.` : "";
  if (kind === "all")
    return [
      rows.length < of ? `${rows.length.toLocaleString("en")} of ${count(of)}` : count(of),
      "Select a part of the map, click a region, or find something to list it here.",
    ];
  if (!found) return [`${rows.length.toLocaleString("en")} selected`, off];
  const { hits, strong, missing, text } = found;
  const away = missing ? `${missing} more are not drawn here: find them in the Search tab.` : "";
  if (strong) return [count(rows.length, "strong match", "es"), [away, off].filter(Boolean).join(" ")];
  const best = Math.max(0, ...hits.map(({ probability }) => probability));
  const chance = best >= 0.01 ? `${Math.round(100 * best)}%` : "less than 1%";
  const nearest = rows.length ? `The closest utterance has a probability of ${chance}.` : "";
  const nothing = `Nothing here clearly says “${text}”.`;
  return ["No strong match", [nothing, nearest, off].filter(Boolean).join(" ")];
}

/**
 * @param {HTMLElement} box
 * @param {Listeners} listeners
 */
export function list(box, { only, point, save, colour, coloured }) {
  /** @type {MapPoints | null} */
  let points = null;
  let library = "";
  let listed = NOTHING;
  /** @type {Map<number, number>} */
  let chances = new Map(); // probabilities by row
  /** @type {Map<number, HTMLElement>} */
  let nodes = new Map(); // entries by row
  /** @type {number | null} */
  let run = null; // while they are played one after the other: where in the rows

  const [entries, rest, again] = ["ol", ".explore-more", "[data-do=play]"].map((selector) => part(box, selector));
  const shown = () => /** @type {MapPoints} */ (points);

  /**
   * What the player must know of an utterance.
   * @param {number} row
   * @returns {Sound}
   */
  const sound = (row) => ({ id: `${library}/${shown().id[row]}`, ...shown().sound(row, AROUND) });

  // ---- what is listed -----------------------------------------------------------------------------------------

  /**
   * Other points, or none: then the list waits.
   * @param {MapPoints | null} next
   */
  function open(next, name = "") {
    [points, library, listed, run, nodes] = [next, name, NOTHING, null, new Map()];
    entries.replaceChildren();
    box.dataset.waiting = String(next === null);
    for (const one of parts(box, "[data-list]")) one.hidden = true;
    if (!next) say("", "");
  }

  /** @param {Listed} next */
  function show(next) {
    const same = next.rows.length === listed.rows.length && next.rows.every((row, n) => row === listed.rows[n]);
    if (!same && run !== null) stop();
    const held = closest(document.activeElement, ".explore-list *");
    const [row, fact] = [closest(held, ".explore-entry")?.dataset.row, held?.dataset.only];
    listed = next;
    chances = new Map(next.found?.hits.map(({ row, probability }) => [row, probability]));
    nodes = new Map();
    entries.replaceChildren();
    more();
    const [title, sentence] = heading(next, shown().of);
    say(title, sentence);
    for (const button of parts(box, "[data-list]")) button.hidden = !next.rows.length;
    part(box, "[data-do=clear]").hidden = next.kind !== "chosen";
    if (!held || (held.isConnected && !held.hidden)) return;
    const node = nodes.get(Number(row));
    ((node && find(node, `[data-only="${fact}"]`)) ?? part(box, "h2")).focus();
  }

  /**
   * @param {string} title
   * @param {string} sentence
   */
  function say(title, sentence) {
    part(box, "h2").textContent = title;
    part(box, ".explore-summary").textContent = sentence;
    part(box, ".explore-announcement").textContent = [title, sentence].filter(Boolean).join(": ");
    delete box.dataset.busy;
  }

  /** Show the next page; the entries that it adds. */
  function more() {
    const added = listed.rows.slice(nodes.size, nodes.size + PAGE).map(entry);
    entries.append(...added);
    rest.hidden = nodes.size >= listed.rows.length;
    rest.textContent = `Show more (${(listed.rows.length - nodes.size).toLocaleString("en")})`;
    announce();
    return added;
  }

  /** @param {number} row */
  function entry(row) {
    const { text: texts, names, language, start: starts } = shown();
    const node = copy(box, ".explore-entry-form");
    const text = texts[row] || "No transcript";
    node.dataset.row = String(row);
    const transcript = part(node, ".transcript");
    Object.assign(transcript, { textContent: text, lang: names.language[language[row]] });
    transcript.classList.toggle("unknown", !texts[row]);
    const { id, src, start, end } = sound(row);
    const button = part(node, ".play-button");
    Object.assign(button.dataset, { play: id, src, start: start.toFixed(3), end: end.toFixed(3) });
    button.setAttribute("aria-label", texts[row] ? `Play: ${text}` : `Play from ${clock(starts[row])}`);
    const like = make("a", { textContent: "More like this", target: "_blank" });
    like.href = `?${new URLSearchParams({ like: String(shown().id[row]), library })}`;
    like.setAttribute("aria-label", `More like this, in Search and in a new tab: ${text}`);
    const open = make("a", { textContent: "Open recording", target: "_blank", href: shown().page(row) });
    open.setAttribute("aria-label", `Open recording, in a new tab: ${text}`);
    const facts = part(node, ".facts");
    facts.append(...FACTS.flatMap((name) => factOf(name, row) ?? []));
    if (starts[row] >= 1) facts.append(make("time", { textContent: clock(starts[row]) }));
    facts.append(like, open);
    (find(facts, `[data-only="${coloured()}"]`) ?? facts.firstElementChild)?.prepend(dot(colour(row)));
    const chance = chances.get(row);
    if (chance !== undefined) part(node, ".percent").textContent = `${Math.round(100 * chance)}%`;
    nodes.set(row, node);
    return node;
  }

  /**
   * A fact of an utterance as a button that shows only what has it; null where it is not known.
   * @param {Fact} name
   * @param {number} row
   */
  function factOf(name, row) {
    const label = shown().labels[name][shown()[name][row]];
    const above = name === "recording" && label && shown().text[row].startsWith(label.replace(/…$/, ""));
    if (!label || above) return null;
    const button = make("button", { type: "button", textContent: label, dir: "auto", title: `Show only: ${label}` });
    button.dataset.only = name;
    return button;
  }

  // ---- playing ------------------------------------------------------------------------------------------------

  /**
   * A point of the map was pressed: it is played, or not any more.
   * @param {number} row
   */
  function press(row) {
    const item = sound(row);
    if (playing()?.id === item.id) return stop();
    play(item);
    nodes.get(row)?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} n of the rows */
  function playFrom(n) {
    if (n >= listed.rows.length) return;
    run = n;
    play({ ...sound(listed.rows[n]), after: () => playFrom(n + 1) });
    while (n >= nodes.size) more();
    nodes.get(listed.rows[n])?.scrollIntoView({ block: "nearest" });
  }

  /** The row that plays. */
  function playingRow() {
    const id = playing()?.id;
    if (!points || !id?.startsWith(`${library}/`)) return null;
    return points.row(Number(id.slice(library.length + 1))) ?? null;
  }

  followers.add((now) => {
    if (!points) return;
    if (run !== null && now?.id !== sound(listed.rows[run]).id) run = null;
    again.textContent = run === null ? "Play all" : "Stop";
    again.setAttribute("aria-pressed", String(run !== null));
    const own = playingRow();
    point(own);
    for (const [row, node] of nodes) node.toggleAttribute("data-playing", row === own);
  });

  // ---- what a person does -------------------------------------------------------------------------------------

  for (const event of ["pointerover", "focusin"])
    box.addEventListener(event, ({ target }) => {
      const node = closest(target, ".explore-entry");
      if (points) point(node ? Number(node.dataset.row) : playingRow());
    });
  for (const event of ["pointerleave", "focusout"])
    box.addEventListener(event, () => {
      if (points) point(playingRow());
    });

  box.addEventListener("click", ({ target }) => {
    const button = closest(target, "button");
    if (!button) return;
    const { only: fact, do: action, save: kind } = button.dataset;
    if (fact) only(/** @type {Fact} */ (fact), Number(closest(button, ".explore-entry")?.dataset.row));
    else if (button === rest) part(more()[0], "button").focus();
    else if (action === "play" && run === null) playFrom(0);
    else if (action === "play") stop();
    else if (kind) {
      closeToPress(button.closest(".menu"));
      save(
        kind,
        listed.rows.map((row) => shown().id[row]),
      );
    }
  });

  return {
    open,
    show,
    say,
    press,
    busy: () => box.setAttribute("data-busy", ""),

    /**
     * What is pointed at on the map.
     * @param {number | null} row
     */
    pointed(row) {
      find(box, "[data-pointed]")?.removeAttribute("data-pointed");
      if (row !== null) nodes.get(row)?.setAttribute("data-pointed", "");
    },
  };
}
