// @ts-check
/* The map beside the results: the library's points, the query, the hits, what plays. */

import { closest, dot, find, make, part } from "../common/dom.js";
import { followers, play, playing, stop } from "../common/player.js";
import { draw as drawMap } from "../map/drawing.js";
import { fetchPoints, forget } from "../map/points.js";

const NONE = "none"; // overlay for libraries without a map
const DEMO = "demo"; // the library that ships
const FACTS = /** @type {const} */ (["category", "language"]); // by which a search can be narrowed

/**
 * What the server wants to be shown: which library's map, and of which time, what the filters let through, and of an
 * answer the query's place and the ids of the strong hits.
 * @typedef {{
 *   library: string, key: string, drawn: string, query: Place | null, hits: number[],
 *   only: Record<"category" | "language", string>
 * }} Overlay
 */

/** @param {Component} component */
export function mount({ element, props, watch, trigger }) {
  const [plot, wait, caption, legend, zoom] = [".map-plot", ".map-wait", ".map-caption", ".map-key", ".map-zoom"].map(
    (selector) => part(element, selector),
  );
  const hint = [...caption.childNodes].map((node) => node.cloneNode(true));

  /** @type {Overlay} */
  let overlay;
  /** @type {Overlay | null} */
  let drawn = null; // the overlay for which the present points were fetched, or are on their way
  /** @type {{ points: MapPoints, view: import("../map/drawing.js").View } | null} */
  let map = null;

  function follow() {
    const found = part(document, "#found");
    found.dataset.map = props.value === NONE ? NONE : "";
    if (!props.value || props.value === NONE) return;
    overlay = JSON.parse(props.value);
    found.toggleAttribute("data-own", overlay.library !== DEMO);
    if (overlay.key !== drawn?.key) return draw();
    if (drawn.drawn && drawn.drawn !== overlay.drawn) {
      forget(overlay.key);
      return draw();
    }
    drawn.drawn = overlay.drawn;
    dress();
  }

  async function draw() {
    const own = overlay;
    drawn = own;
    map?.view.free();
    map = null;
    zoom.hidden = true;
    wait.hidden = false;
    wait.textContent = "Drawing the map…";
    try {
      const points = await fetchPoints(own.key);
      if (own !== drawn) return; // another library was chosen meanwhile
      const view = await drawMap(plot, points, { click: press, hover: tell });
      if (own !== drawn) return view.free();
      map = { points, view };
    } catch (error) {
      if (own === drawn) wait.textContent = /** @type {Error} */ (error).message || "The map could not be loaded.";
      return;
    }
    wait.hidden = true;
    zoom.hidden = false;
    map.view.look({ by: "category", regions: false });
    dress();
  }

  /** The query, the hits, and what the filters let through. */
  function dress() {
    if (!map) return;
    const { points, view } = map;
    const { only, query, hits } = overlay;
    const wanted = FACTS.filter((fact) => only[fact]);
    const codes = wanted.map((fact) => points.names[fact].indexOf(only[fact]));
    const passes = (/** @type {number} */ row) => wanted.every((fact, n) => points[fact][row] === codes[n]);
    const shown = Uint8Array.from({ length: points.count }, (_, row) => Number(passes(row)));
    view.look({ shown: wanted.length ? shown : null });
    view.mark({ query, hits: hits.flatMap((id) => points.row(id) ?? []), spot: rowOf(playing()?.id) });
    entries();
  }

  /** What the colours mean, as buttons that narrow the search to one category, or widen it again. */
  function entries() {
    if (!map) return;
    const { points, view } = map;
    const made = view.legend().map(({ code, label, colour }) => {
      const name = points.names.category[code];
      if (!name) return make("li", {}, make("span", {}, dot(colour), label));
      const button = make("button", { type: "button" }, dot(colour), label);
      button.dataset.category = name;
      button.setAttribute("aria-pressed", String(overlay.only.category === name));
      return make("li", {}, button);
    });
    const focused = closest(document.activeElement, ".map-key button")?.dataset.category;
    legend.replaceChildren(...(made.length > 1 ? made : []));
    if (focused !== undefined) find(legend, `[data-category="${CSS.escape(focused)}"]`)?.focus();
  }

  /**
   * The row that the player knows by an id.
   * @param {string | undefined} id
   */
  function rowOf(id) {
    const [library, number] = id?.split("/") ?? [];
    return (library === overlay.library ? map?.points.row(Number(number)) : null) ?? null;
  }

  /** @param {number} row */
  function press(row) {
    if (!map) return;
    const id = `${overlay.library}/${map.points.id[row]}`;
    if (playing()?.id === id) stop();
    else play({ id, ...map.points.sound(row, 0) });
  }

  /** @param {number | null} row */
  function tell(row) {
    if (row === null || !map) return caption.replaceChildren(...hint.map((node) => node.cloneNode(true)));
    const { points } = map;
    const facts = FACTS.map((fact) => points.labels[fact][points[fact][row]]).filter(Boolean);
    const text = make("span", { dir: "auto", textContent: points.text[row] || "No transcript" });
    caption.replaceChildren(text, make("small", { textContent: facts.join(" · ") }));
  }

  element.addEventListener("click", ({ target }) => {
    const { zoom, category } = closest(target, "button")?.dataset ?? {};
    if (zoom) map?.view.zoom(Number(zoom));
    if (category) trigger("choose", { category: category === overlay.only.category ? "" : category });
  });
  followers.add((now) => {
    if (!map) return;
    const row = rowOf(now?.id);
    map.view.mark({ spot: row });
    tell(row);
  });
  for (const event of ["pointerover", "focusin"])
    document.addEventListener(event, ({ target }) => {
      if (!map || !closest(target, "#results")) return;
      const hit = closest(target, ".hit");
      map.view.mark({ spot: rowOf((hit && part(hit, "[data-play]").dataset.play) ?? playing()?.id) });
    });
  new ResizeObserver(() => map?.view.resize()).observe(plot);
  watch("value", follow);
  follow();
}
