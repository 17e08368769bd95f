// @ts-check
/* The small map beside the list of the Live tab: the way of an utterance over it while it is spoken, and what it finds.
   There is none where the window is narrow or the library has no map. */

import { find, part } from "../common/dom.js";
import { draw as drawMap } from "../map/drawing.js";
import { fetchPoints } from "../map/points.js";

/** @typedef {import("./utterances.js").Entry} Entry */

/** @param {HTMLElement} element */
export function trail(element) {
  const panel = part(element, ".live-map");
  const plot = part(panel, ".live-map-plot");

  /** @type {string | undefined} */
  let key; // of the library whose map is wanted; "" where it has none, undefined as long as nobody knows
  let drawn = ""; // of the one that is drawn, or on its way
  let seen = false; // whether there is room, and the tab is open
  /** @type {{ points: MapPoints, view: import("../map/drawing.js").View } | null} */
  let map = null;
  /** @type {Entry | null} */
  let latest = null; // the entry of the list that had news last
  /** @type {Entry | null} */
  let pointed = null; // the one that is pointed at

  /**
   * Another library is searched; "" if it has no map.
   * @param {string} wanted what stands for it in addresses
   */
  function of(wanted) {
    if (wanted === key) return;
    [key, drawn, latest, pointed] = [wanted, "", null, null];
    free();
    panel.dataset.stage = key ? "loading" : "none";
    draw();
  }

  async function draw() {
    if (!seen || !key || drawn === key) return;
    const own = key;
    drawn = own;
    try {
      const points = await fetchPoints(own);
      if (own !== key) return; // another library was chosen meanwhile
      const view = await drawMap(plot, points, { click: press });
      if (own !== key) return view.free();
      map = { points, view };
    } catch {
      if (own === key) panel.dataset.stage = "none";
      return;
    }
    panel.dataset.stage = "drawn";
    mark();
  }

  function free() {
    map?.view.free();
    map = null;
  }

  /** The way of what is pointed at or had news last. */
  function mark() {
    if (!map) return;
    const { points, view } = map;
    const { path = [], hits = [] } = pointed ?? latest ?? {};
    view.mark({ hits: hits.flatMap(({ id }) => points.row(id) ?? []), query: path.at(-1) ?? null, path: [...path] });
  }

  /**
   * A hit is played, as in the list.
   * @param {number} row
   */
  function press(row) {
    find(element, `.utterance-hit[data-segment="${map?.points.id[row]}"] .play-button`)?.click();
  }

  new IntersectionObserver(([one]) => {
    seen = one.isIntersecting;
    draw();
  }).observe(panel);
  new ResizeObserver(() => map?.view.resize()).observe(plot);

  return {
    of,

    /**
     * An entry has news.
     * @param {Entry} entry
     */
    show(entry) {
      if (entry.map === key) latest = entry;
      mark();
    },

    /**
     * An entry of the list, or none, is pointed at.
     * @param {Entry | null} entry
     */
    point(entry) {
      const now = entry?.map === key ? entry : null;
      if (now === pointed) return;
      pointed = now;
      mark();
    },

    /**
     * Forget what is not in the list any more.
     * @param {Entry[]} entries
     */
    keep(entries) {
      if (!latest || !entries.includes(latest)) latest = [...entries].reverse().find((one) => one.map === key) ?? null;
      pointed = null;
      mark();
    },
  };
}
