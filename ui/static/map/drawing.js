// @ts-check
/* Points on a map: Plotly draws them, in the colours of colours.js; what is marked among them lies on a layer above
   (layer.js).

     const view = await draw(plot, points, { click, hover, select });
     view.look({ by: "language", dimensions: 3 });
     view.mark({ hits: [3, 14], query: { flat: [0, 0.5], solid: [0, 0.5, 0.1] } });

   Fifty thousand points are as many numbers in typed arrays; what is under the pointer is looked up among them, and
   nothing is drawn anew for it. */

import { colour, make } from "../common/dom.js";
import { colours } from "./colours.js";
import { layer } from "./layer.js";
import { changed, extent, projection, zoomed } from "./projection.js";
import { rowsIn, surrounded } from "./selection.js";

const NEAR = 12; // pixels within which the pointer is on a point
const STILL = 5; // pixels that a click may stray
const EYE = { x: 1.1, y: 1.1, z: 0.7 }; // from where the solid map is seen at first
const TEXTS = 0; // the traces: texts, speech, and in three dimensions what is marked
const SPEECH = 1;
const OPTIONS = { displayModeBar: false, responsive: false, doubleClick: false, showTips: false, scrollZoom: false };

/** @typedef {Awaited<ReturnType<typeof draw>>} View a map that is drawn, and what can be asked of it */
/**
 * @typedef {{
 *   click?: (row: number, event?: MouseEvent) => void,
 *   hover?: (row: number | null) => void,
 *   select?: (rows: number[]) => void,
 * }} Listeners
 */

/** @type {WeakMap<HTMLElement, object>} */
const latest = new WeakMap(); // what was drawn last on a plot, as its layer
/** @type {Promise<void> | null} */
let plotly = null; // its script, which is no module

function script() {
  plotly ??= new Promise((resolve, reject) => {
    const wrong = () => reject(new Error("The map's script could not be fetched: is the server still running?"));
    const src = new URL("../plotly.js", import.meta.url).href;
    document.head.append(make("script", { src, onload: () => resolve(), onerror: wrong }));
  });
  return plotly;
}

/** Whether this browser has WebGL: without it, maps are flat. */
export const deep = () => Boolean(make("canvas").getContext("webgl"));

/**
 * How large and how opaque so many points are.
 * @param {number} count
 */
function dots(count) {
  const tenfold = Math.max(0, Math.log10(Math.max(1, count) / 100)); // 100 → 0, 10,000 → 2
  return { size: Math.max(3.5, 9 - 2 * tenfold), opacity: Math.max(0.6, 0.9 - 0.1 * tenfold) };
}

/**
 * Draw points, in place of what was drawn there before.
 * @param {HTMLElement} element
 * @param {MapPoints} points
 * @param {Listeners} listeners
 */
export async function draw(element, points, { click, hover, select } = {}) {
  await script();
  const plot = /** @type {PlotElement} */ (element);
  const kind = deep() ? "scattergl" : "scatter";
  const coarse = matchMedia("(pointer: coarse)");
  /** @type {Look} */
  const look = { by: "category", dimensions: 2, texts: false, regions: true, shown: null, drag: "pan" };
  /** @type {Marks} */
  const marks = { hits: [], query: null, path: [], spot: null, chosen: null };
  const above = layer(plot, points);
  latest.set(plot, above);
  const painted = colours(points);
  const home = extent(points.flat, points.flatText);
  const { size, opacity } = dots(points.count);
  /** @type {Map<Float32Array, Float32Array[]>} */
  const columns = new Map(); // coordinates, see `every`
  let ranges = home; // of the flat map, at this moment
  let eye = EYE; // from where the solid map is seen
  let [width, height] = [0, 0]; // of the plot
  let queued = false; // whether the solid map is drawn anew in the next frame
  /** @type {Spot | null} */
  let under = null; // the pointer
  /** @type {PointerEvent | null} */
  let pressed = null; // where the pointer went down
  let freed = false;

  const solid = () => look.dimensions === 3;
  const passes = (/** @type {number} */ row) => look.shown?.[row] !== 0;
  const painting = (/** @type {boolean} */ text) => painted.numbers(look.by, text, passes, marks.chosen);
  const pixels = () => projection(ranges, { width, height });

  // ---- what Plotly draws --------------------------------------------------------------------------------------

  /**
   * One coordinate of all places; made once, for Plotly takes the same array to be unchanged.
   * @param {Float32Array} places
   * @param {number} axis
   */
  function every(places, axis) {
    const made = columns.get(places) ?? [];
    columns.set(places, made);
    const step = look.dimensions;
    made[axis] ??= Float32Array.from({ length: places.length / step }, (_, n) => places[step * n + axis]);
    return made[axis];
  }

  /**
   * @param {boolean} text
   * @param {Float32Array} places
   */
  function trace(text, places) {
    return {
      type: solid() ? "scatter3d" : kind,
      mode: "markers",
      hoverinfo: solid() ? "none" : "skip",
      x: every(places, 0),
      y: every(places, 1),
      ...(solid() ? { z: every(places, 2) } : {}),
      visible: !text || look.texts,
      marker: {
        color: painting(text),
        ...painted.scale(look.by, solid(), opacity),
        line: { width: 0 },
        size: (solid() ? 0.55 : 1) * (text ? 0.85 : 1) * size,
        ...(text ? { symbol: "diamond" } : {}),
      },
    };
  }

  function traces() {
    if (!solid()) return [trace(true, points.flatText), trace(false, points.flat)];
    return [trace(true, points.solidText), trace(false, points.solid), ...above.solid(marks, look, under)];
  }

  function layout() {
    const common = {
      width,
      height,
      margin: { l: 0, r: 0, t: 0, b: 0 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      showlegend: false,
      uirevision: "same",
    };
    if (solid()) {
      const axis = { visible: false, showspikes: false };
      const scene = { xaxis: axis, yaxis: axis, zaxis: axis, aspectmode: "cube", dragmode: "orbit" };
      return { ...common, hovermode: "closest", scene: { ...scene, camera: { eye: { ...EYE } } } };
    }
    const bare = { visible: false, showgrid: false, zeroline: false };
    return {
      ...common,
      hovermode: false,
      dragmode: coarse.matches && look.drag === "pan" ? false : look.drag,
      newselection: { line: { color: colour("--ink"), width: 1.5, dash: "dot" } },
      activeselection: { fillcolor: "rgba(0,0,0,0)" },
      selections: [],
      xaxis: { ...bare, range: [...ranges.x] }, // which Plotly changes
      yaxis: { ...bare, range: [...ranges.y] },
    };
  }

  /** Take the size that the plot has now; false while it is hidden. */
  function measure() {
    if (!plot.clientWidth) return false;
    [width, height] = [plot.clientWidth, plot.clientHeight];
    return true;
  }

  function redraw() {
    if (solid()) return soon();
    Plotly.react(plot, traces(), layout(), OPTIONS);
    cover();
  }

  /** The solid map takes a change at a time: all those of a moment are one. */
  function soon() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      if (!freed && solid()) Plotly.react(plot, traces(), layout(), OPTIONS);
    });
  }

  /** Colours alone. */
  function repaint() {
    if (solid()) return soon();
    Plotly.restyle(plot, { "marker.color": [painting(true), painting(false)] }, [TEXTS, SPEECH]);
    cover();
  }

  /** What is marked, without the points. */
  function cover() {
    if (solid()) return soon();
    above.flat(marks, look, under, pixels());
  }

  function begin() {
    measure();
    [ranges, eye] = [home, EYE];
    Plotly.purge(plot);
    Plotly.newPlot(plot, traces(), layout(), OPTIONS);
    plot.on("plotly_relayouting", moved);
    plot.on("plotly_relayout", moved);
    plot.on("plotly_selected", selected);
    above.clear();
    if (!solid()) return cover();
    /** @typedef {{ points: [{ pointNumber: number, curveNumber: number }], event?: MouseEvent }} Hit */
    const own = (/** @type {Hit} */ { points: [one] }) => one.curveNumber <= SPEECH && passes(one.pointNumber);
    plot.on("plotly_click", (/** @type {Hit} */ hit) => own(hit) && click?.(hit.points[0].pointNumber, hit.event));
    plot.on("plotly_hover", (/** @type {Hit} */ hit) => {
      const [{ pointNumber: row, curveNumber }] = hit.points;
      if (own(hit)) point({ row, text: curveNumber === TEXTS }, hit.event);
    });
    plot.on("plotly_unhover", () => point(null));
  }

  /** @param {Record<string, any>} event */
  function moved(event) {
    ranges = changed(ranges, event);
    eye = event["scene.camera"]?.eye ?? event["scene.camera.eye"] ?? eye;
    if (!solid()) cover();
  }

  // ---- the pointer --------------------------------------------------------------------------------------------

  /**
   * The nearest point that is shown, within reach of a place of the window; null where there is none.
   * @param {MouseEvent} event
   */
  function at({ clientX, clientY }) {
    const frame = plot.getBoundingClientRect();
    const { x, y, ox, oy } = pixels();
    const [px, py] = [clientX - frame.left, clientY - frame.top];
    let best = NEAR * NEAR;
    /** @type {Spot | null} */
    let found = null;
    const search = (/** @type {Float32Array} */ places, /** @type {boolean} */ text) => {
      for (let row = 0; row < points.count; row++) {
        const distance = (ox + x * places[2 * row] - px) ** 2 + (oy + y * places[2 * row + 1] - py) ** 2;
        if (distance < best && passes(row)) [best, found] = [distance, { row, text }];
      }
    };
    if (look.texts) search(points.flatText, true);
    search(points.flat, false);
    return /** @type {Spot | null} */ (found);
  }

  /**
   * @param {Spot | null} next
   * @param {MouseEvent} [event]
   */
  function point(next, event) {
    if (next?.row === under?.row && next?.text === under?.text) return;
    under = next;
    plot.classList.toggle("on-point", next !== null);
    above.label(next, look, event);
    cover();
    hover?.(next?.row ?? null);
  }

  /** @type {{ [name: string]: (event: any) => void }} */
  const listeners = {
    pointermove(/** @type {PointerEvent} */ event) {
      if (!solid() && !event.buttons && event.pointerType !== "touch") point(at(event), event);
    },
    pointerleave() {
      if (!solid()) point(null);
    },
    pointerdown(/** @type {PointerEvent} */ event) {
      pressed = event.isPrimary && event.button === 0 ? event : null;
    },
  };

  /** @param {PointerEvent} event */
  function up(event) {
    const from = pressed;
    pressed = null;
    if (solid() || !from || from.pointerId !== event.pointerId) return;
    if (Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > STILL) return;
    const on = at(event);
    if (on) click?.(on.row, event);
  }

  /** @param {WheelEvent} event */
  function wheel(event) {
    if (solid() || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    zoom(1.15 ** Math.sign(event.deltaY), event);
  }

  /** @param {Parameters<typeof surrounded>[0]} event */
  function selected(event) {
    const region = surrounded(event);
    if (!region) return;
    const rows = rowsIn(points.flat, region, passes);
    setTimeout(() => {
      if (freed) return;
      Plotly.update(plot, { selectedpoints: [null] }, { selections: [] });
      select?.(rows);
    });
  }

  // ---- what others ask ----------------------------------------------------------------------------------------

  /**
   * @param {number} factor 0: as it was at first
   * @param {MouseEvent} [event] at what stays where it is; in the middle without one
   */
  function zoom(factor, event) {
    if (solid()) {
      const next = factor ? { x: factor * eye.x, y: factor * eye.y, z: factor * eye.z } : { ...EYE };
      return Plotly.relayout(plot, { "scene.camera.eye": next });
    }
    const frame = plot.getBoundingClientRect();
    const share = event && [(event.clientX - frame.left) / width, 1 - (event.clientY - frame.top) / height];
    const { x, y } = factor ? zoomed(ranges, factor, /** @type {[number, number]} */ (share ?? [0.5, 0.5])) : home;
    return Plotly.relayout(plot, { "xaxis.range": [...x], "yaxis.range": [...y] });
  }

  /** @param {Partial<Look>} values */
  function change(values) {
    const before = { ...look };
    Object.assign(look, values);
    const other = (/** @type {(keyof Look)[]} */ ...names) => names.some((name) => look[name] !== before[name]);
    if (other("dimensions")) begin();
    else if (other("by", "texts", "drag")) redraw();
    else if (other("shown")) repaint();
    else cover();
  }

  /** @param {Partial<Marks>} values */
  function mark(values) {
    const { chosen } = marks;
    Object.assign(marks, values);
    if (marks.chosen === chosen) cover();
    else repaint();
  }

  const theme = new MutationObserver(redraw);
  for (const [name, listener] of Object.entries(listeners)) plot.addEventListener(name, listener, true);
  window.addEventListener("pointerup", up, true);
  plot.addEventListener("wheel", wheel, { passive: false });
  begin();
  theme.observe(document.body, { attributeFilter: ["class"] });

  return {
    look: change,
    mark,
    legend: () => painted.legend(look.by),
    zoom: (/** @type {number} */ factor) => zoom(factor),
    resize() {
      if (measure()) Plotly.relayout(plot, { width, height }); // at once, unlike Plots.resize
    },
    free() {
      freed = true;
      theme.disconnect();
      for (const [name, listener] of Object.entries(listeners)) plot.removeEventListener(name, listener, true);
      window.removeEventListener("pointerup", up, true);
      plot.removeEventListener("wheel", wheel);
      above.free();
      if (latest.get(plot) === above) Plotly.purge(plot); // otherwise another is drawn there already
    },
  };
}
