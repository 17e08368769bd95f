// @ts-check
/* The Map tab: how the map is looked at, what is asked of it and what is told about it. */

import { get, keep as keepInAddress } from "../common/address.js";
import { closest, find, make, part, parts } from "../common/dom.js";
import { count } from "../common/format.js";
import { deep, draw as drawMap } from "./drawing.js";
import { legend as makeLegend } from "./legend.js";
import { list as makeList } from "./list.js";
import { fetchPoints, forget } from "./points.js";

const TAB = "map";
/** @type {Look["by"][]} */
const WAYS = ["category", "language", "speaker", "recording", "date", "modality"]; // to colour the points

/**
 * Of the library, as the server tells it: what stands for it in addresses, and of which time its map is, if it has one;
 * how many utterances it has, whether whoever looks may lay it out, and how long that takes; what is wrong.
 * @typedef {{
 *   library: string, key?: string, drawn?: string, utterances?: number, owner?: boolean, seconds?: string,
 *   otherwise?: boolean, wrong?: string
 * }} State
 */
/**
 * An answer of the server to a text: what it finds, each with its probability and whether it is a strong match.
 * @typedef {{
 *   text: string, library: string, wrong?: string, query: Place, hits: [id: number, probability: number, strong: boolean][]
 * }} Reply
 */

/**
 * Keep in the address which library was chosen.
 * @param {string} library
 * @param {unknown[]} rest
 */
export function keepLibrary(library, ...rest) {
  keepInAddress({ library: library === "demo" ? "" : library }, TAB);
  return [library, ...rest];
}

/** @param {Component} component */
export function mount({ element, props, watch, trigger }) {
  const box = (/** @type {string} */ selector) => part(element, selector);
  const stage = box(".explore");
  const field = part(element, "[name=find]", HTMLInputElement);
  const legend = makeLegend(box(".explore-legend"), {
    changed: filter,
    turn: () => change({ texts: !look.texts }),
  });
  const list = makeList(box(".explore-list"), {
    only,
    point: (row) => view?.mark({ spot: row }),
    save: (kind, ids) => trigger("export", { kind, ids }),
    colour: legend.colour,
    coloured: () => look.by,
  });

  /** @type {State} */
  let state = { library: "" };
  /** @type {MapPoints | null} */
  let points = null;
  /** @type {import("./drawing.js").View | null} */
  let view = null;
  let drawn = ""; // which points they are
  /** @type {import("./list.js").Answer | null} */
  let found = null; // the last answer
  /** @type {number[] | null} */
  let chosen = null; // rows that were selected
  let waiting = ""; // the text of a search that is not answered yet
  /** @type {Look} */
  const look = { by: "category", dimensions: 2, texts: false, regions: true, shown: null, drag: "pan" };

  // ---- the address --------------------------------------------------------------------------------------------

  function remembered() {
    look.by = WAYS.find((way) => way === get("by", TAB)) ?? look.by;
    if (get("dim", TAB) === "3" && deep()) look.dimensions = 3;
    look.texts = get("texts", TAB) === "1";
    legend.read(get("off", TAB));
    field.value = get("find", TAB);
  }

  function keep() {
    const by = look.by === WAYS[0] ? "" : look.by;
    const dim = look.dimensions === 3 ? "3" : "";
    const texts = look.texts ? "1" : "";
    keepInAddress({ by, dim, texts, off: legend.written(), find: field.value.trim() }, TAB);
  }

  // ---- what is drawn ------------------------------------------------------------------------------------------

  /** The server has told of the library. */
  function follow() {
    if (!props.state) return;
    const before = state;
    state = JSON.parse(props.state);
    const other = before.key !== state.key;
    if (other && before.key) {
      legend.clear();
      field.value = "";
      keep();
    }
    if (!state.key || !state.drawn) return instead(state.wrong);
    if (!other && state.drawn === drawn) return tell();
    if (!other) forget(state.key);
    drawn = state.drawn;
    draw(state.key);
  }

  /** @param {string} key */
  async function draw(key) {
    const own = drawn;
    free();
    stage.dataset.stage = "loading";
    try {
      const fetched = await fetchPoints(key);
      if (own !== drawn) return; // another library was chosen meanwhile
      const made = await drawMap(box(".explore-plot"), fetched, { click: list.press, hover: list.pointed, select });
      if (own !== drawn) return made.free();
      [points, view] = [fetched, made];
    } catch (error) {
      if (own === drawn) instead(/** @type {Error} */ (error).message || "The map could not be loaded.");
      return;
    }
    stage.dataset.stage = "drawn";
    for (const fact of /** @type {const} */ (["speaker", "date"])) {
      const known = points.labels[fact].some(Boolean); // synthetic voices have no names
      Object.assign(part(element, `option[value=${fact}]`), { hidden: !known, disabled: !known });
      if (!known && look.by === fact) look.by = "category";
    }
    list.open(points, state.library);
    dress();
    regions(points);
    measures(points);
    tell();
    if (field.value.trim()) ask();
  }

  function free() {
    view?.free();
    [points, view, found, chosen] = [null, null, null, null];
    list.open(null);
    for (const one of parts(element, ".explore-legend, .explore-regions ul, .explore-measures dl, .explore-notes"))
      one.replaceChildren();
    box(".explore-regions").hidden = box(".explore-measures").hidden = true;
  }

  /** The controls, and the points, as they are to be looked at. */
  function dress() {
    if (look.dimensions === 3) look.drag = "pan"; // selecting is for the flat map
    for (const button of parts(element, "[data-dim]")) press(button, Number(button.dataset.dim) === look.dimensions);
    for (const button of parts(element, "[data-drag]", HTMLButtonElement)) {
      press(button, button.dataset.drag === look.drag);
      button.disabled = look.dimensions === 3 && button.dataset.drag !== "pan";
    }
    part(element, "[name=by]", HTMLSelectElement).value = look.by;
    part(element, "[name=texts]", HTMLInputElement).checked = look.texts;
    part(element, "[name=regions]", HTMLInputElement).checked = look.regions;
    if (!view || !points) return;
    view.look(look);
    legend.draw(view.legend(), points, look);
    filter();
  }

  /**
   * @param {HTMLElement} button
   * @param {boolean} pressed
   */
  const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));

  /** @param {Partial<Look>} values */
  function change(values) {
    if (values.by && values.by !== look.by) legend.clear();
    Object.assign(look, values);
    dress();
    keep();
  }

  /** Let through what the legend lets through. */
  function filter() {
    view?.look({ shown: legend.shown() });
    mark();
    keep();
  }

  /**
   * Show what has the same category, language, speaker or recording as an utterance, alone.
   * @param {Fact} fact
   * @param {number} row
   */
  function only(fact, row) {
    if (!points) return;
    const code = points[fact][row];
    look.by = fact;
    legend.prepare(code);
    dress();
    legend.only(code);
    filter();
  }

  /**
   * What stands where there is no map.
   * @param {string} [wrong]
   */
  function instead(wrong) {
    drawn = "";
    free();
    const { utterances = 0, owner, seconds } = state;
    const kind = wrong ? "wrong" : utterances ? "none" : "empty";
    const [title, text] = {
      wrong: ["This map cannot be shown", wrong],
      none: [
        "No map yet",
        `A map shows all ${count(utterances)} of this library at a glance. Similar ones appear close together, and you
          can listen to each of them there.`,
      ],
      empty: [
        "This library is empty",
        "Add recordings in the Library tab; then you can create a map of what is said in them.",
      ],
    }[kind];
    const may = kind === "none" && owner;
    stage.dataset.stage = kind;
    box(".explore-instead h2").textContent = title ?? "";
    box(".explore-instead p").textContent = text ?? "";
    box(".explore-main").hidden = !may;
    const begin = may
      ? `Takes about ${seconds} on two cores. You can go on searching meanwhile.`
      : "Whoever runs this page can create one.";
    box(".explore-instead small").textContent = kind === "none" ? begin : "";
    tell();
  }

  // ---- what is marked and listed ------------------------------------------------------------------------------

  function mark() {
    if (!points) return;
    const every = chosen ?? found?.hits.map(({ row }) => row) ?? Array.from({ length: points.count }, (_, row) => row);
    const rows = every.filter(legend.passes);
    const strong = found?.strong ? found.hits.map(({ row }) => row).filter(legend.passes) : [];
    view?.mark({ hits: strong, query: found?.query ?? null, chosen: chosen && rows });
    const kind = chosen ? "chosen" : found ? "hits" : "all";
    list.show({ kind, rows, hidden: every.length - rows.length, found: kind === "hits" ? found : null });
  }

  /** @param {number[]} rows */
  function select(rows) {
    chosen = rows.length ? rows : null;
    mark();
  }

  /** @param {MapPoints} points */
  function regions({ regions }) {
    const buttons = regions.map(({ name, english }, number) => {
      const button = make("button", { type: "button" }, make("bdi", { textContent: name }));
      if (english) button.append(make("small", { textContent: english, lang: "en" }));
      button.dataset.region = String(number);
      return make("li", {}, button);
    });
    box(".explore-regions ul").replaceChildren(...buttons);
    box(".explore-regions").hidden = !buttons.length;
  }

  /** @param {number} region */
  const within = (region) => [...(points?.region.entries() ?? [])].flatMap(([row, own]) => (own === region ? row : []));

  // ---- searching ----------------------------------------------------------------------------------------------

  function ask() {
    waiting = view ? field.value.trim() : "";
    keep();
    if (waiting) {
      list.busy();
      trigger("search", { text: waiting });
    } else answered(null);
  }

  /** @param {Reply | null} reply null: the search was cleared */
  function answered(reply) {
    if (!points || (reply && (reply.text !== waiting || reply.library !== state.library))) return;
    const { row } = points;
    [waiting, chosen, found] = ["", null, null];
    if (reply && !reply.wrong) {
      const hits = reply.hits.flatMap(([id, probability, strong]) => {
        const own = row(id);
        return own === undefined ? [] : { row: own, probability, strong };
      });
      const strong = reply.hits.some(([, , strong]) => strong);
      const missing = reply.hits.length - hits.length; // of a map that is only a sample
      found = { query: reply.query, hits, strong, missing, text: reply.text };
    }
    mark();
    if (reply?.wrong) list.say("", reply.wrong);
  }

  // ---- what is told about it ----------------------------------------------------------------------------------

  function tell() {
    const notes = [];
    if (points) {
      const { stale, sampled, of } = points;
      if (points.count < of)
        notes.push(`${count(of)} are too many to draw: these are ${count(points.count)} of them, chosen at random.`);
      if (sampled)
        notes.push(`The map was computed from ${count(sampled, "point")}; the others were placed between them.`);
      if (stale)
        notes.push(`${count(stale)} came later and were placed between their neighbours until you update the map.`);
      if (state.otherwise) notes.push("This map was made by another model; updating it will improve it.");
    }
    box(".explore-notes").replaceChildren(...notes.map((textContent) => make("p", { textContent })));
    box(".explore-anew").hidden = !points || !state.owner;
    box(".explore-anew small").textContent = `Takes about ${state.seconds} on two cores. Its shape stays recognizable.`;
    job();
  }

  /** @param {MapPoints} points */
  function measures({ measures }) {
    const rows = measures.map(({ name, value, chance, meaning }) => {
      const title = make("dt", { textContent: name });
      const beside = chance === null ? [] : [make("small", { textContent: `${chance.toFixed(2)} by chance` })];
      const number = make("b", { textContent: value.toFixed(2).replace("-", "−") });
      return make("div", {}, title, make("dd", {}, number, ...beside), make("dd", { textContent: meaning }));
    });
    box(".explore-measures dl").replaceChildren(...rows);
    box(".explore-measures").hidden = !rows.length;
  }

  /** How far the layout is, or what became of it: beside the button that began it. */
  function job() {
    const [html, report, progress] = [props.job ?? "", box(".explore-job"), box(".explore-progress")];
    box(points ? ".explore-anew" : ".explore-instead").append(report);
    report.hidden = !html || !state.key;
    if (progress.innerHTML !== html) progress.innerHTML = html;
    const running = find(progress, "[data-running]") !== null;
    box("[data-do=stop]").hidden = find(element, "[data-stops]") === null;
    box("[data-do=close]").hidden = running;
    for (const button of parts(element, "[data-do=fit]", HTMLButtonElement)) button.disabled = running;
  }

  // ---- what a person does -------------------------------------------------------------------------------------

  element.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  element.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLSelectElement) change({ by: /** @type {Look["by"]} */ (target.value) });
    if (target instanceof HTMLInputElement && target.type === "checkbox") change({ [target.name]: target.checked });
  });
  field.addEventListener("input", () => {
    if (!field.value) ask(); // it was cleared
  });
  element.addEventListener("click", ({ target }) => {
    const { dim, drag, zoom, region, do: action } = closest(target, "button")?.dataset ?? {};
    if (dim) change({ dimensions: dim === "3" ? 3 : 2 });
    else if (drag) change({ drag: /** @type {Look["drag"]} */ (drag) });
    else if (zoom) view?.zoom(Number(zoom));
    else if (region) select(within(Number(region)));
    else if (action === "clear") select([]);
    else if (action && ["fit", "stop", "close"].includes(action)) trigger(action);
  });
  element.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && chosen) select([]);
  });
  new ResizeObserver(() => view?.resize()).observe(box(".explore-field"));
  watch("state", follow);
  watch("job", job);
  watch("found", () => props.found && answered(JSON.parse(props.found)));
  if (!deep()) {
    const flat = { disabled: true, title: "3D needs WebGL, which is off in this browser" };
    Object.assign(box("[data-dim='3']"), flat);
  }
  remembered();
  dress();
  follow();
  job();
}
