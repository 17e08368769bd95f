/* Points on a map: Plotly draws them, in the colours of colours.js; what is marked among them lies on a layer above
   (layer.js).

     const view = await clasp.drawing(plot, points, { click, hover, select });
     view.look({ by: "language", dimensions: 3 });
     view.mark({ hits: [3, 14], query: { flat: [0, 0.5], solid: [0, 0.5, 0.1] } });

   Fifty thousand points are as many numbers in typed arrays; what is under the pointer is looked up among them, and
   nothing is drawn anew for it. */
"use strict";

window.clasp ??= {};

clasp.drawing = (() => {
  const NEAR = 12; // pixels within which the pointer is on a point
  const STILL = 5; // pixels that a click may stray
  const MARGIN = 0.06; // around the points, of their extent
  const EYE = { x: 1.1, y: 1.1, z: 0.7 }; // from where the solid map is seen at first
  const TEXTS = 0; // the traces: texts, speech, and in three dimensions what is marked
  const SPEECH = 1;

  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const coarse = matchMedia("(pointer: coarse)");
  const latest = new WeakMap(); // what was drawn last on a plot, as its layer
  let plotly = null; // the promise of its script

  function script() {
    plotly ??= new Promise((resolve, reject) => {
      if (window.Plotly) return resolve();
      const wrong = () => reject(new Error("The map's script could not be fetched: is the server still running?"));
      document.head.append(Object.assign(document.createElement("script"), { src: "plotly.js", onload: resolve, onerror: wrong }));
    });
    return plotly;
  }

  /* Whether this browser has WebGL: without it, maps are flat. */
  const deep = () => Boolean(document.createElement("canvas").getContext("webgl"));

  async function drawing(plot, points, { click = () => {}, hover = () => {}, select = () => {} } = {}) {
    await script();
    const gl = deep() ? "scattergl" : "scatter";
    const look = { by: "category", dimensions: 2, texts: false, regions: true, shown: null, drag: "pan" };
    const marks = { hits: [], query: null, path: [], spot: null, chosen: null };
    const layer = clasp.layer(plot, points);
    latest.set(plot, layer);
    const colours = clasp.colours(points);
    const home = extent();
    const { size, opacity } = dots(points.count);
    const columns = new Map(); // of places, see `every`
    let frame = 0; // in which the solid map is drawn anew
    let under = null; // {row, text} under the pointer
    let pressed = null; // where the pointer went down
    let freed = false;

    function extent() {
      const range = (axis) => {
        let [low, high] = [Infinity, -Infinity];
        for (const places of [points.flat, points.flatText])
          for (let n = axis; n < places.length; n += 2) {
            if (places[n] < low) low = places[n];
            if (places[n] > high) high = places[n];
          }
        if (low > high) [low, high] = [-1, 1];
        const margin = MARGIN * (high - low) || 0.5;
        return [low - margin, high + margin];
      };
      return { x: range(0), y: range(1) };
    }

    /* How large and how opaque so many are. */
    function dots(count) {
      const tenfold = Math.max(0, Math.log10(Math.max(1, count) / 100)); // 100 → 0, 10,000 → 2
      return { size: Math.max(3.5, 9 - 2 * tenfold), opacity: Math.max(0.6, 0.9 - 0.1 * tenfold) };
    }

    const passes = (row) => !look.shown || look.shown[row] === 1;
    const coloured = (offset) => colours.numbers(look.by, offset, passes, marks.chosen);

    // ---- what Plotly draws ----------------------------------------------------------------------------------

    /* One coordinate of all places; made once, for Plotly takes the same array to be unchanged. */
    function every(places, width, axis) {
      if (!columns.has(places)) columns.set(places, []);
      const made = columns.get(places);
      made[axis] ??= Float32Array.from({ length: places.length / width }, (_, n) => places[width * n + axis]);
      return made[axis];
    }

    function trace(kind, places, offset) {
      const solid = look.dimensions === 3;
      const width = solid ? 3 : 2;
      const marker = { color: coloured(offset), ...colours.scale(look.by, look.dimensions === 3, opacity), line: { width: 0 } };
      const text = kind === TEXTS;
      return {
        type: solid ? "scatter3d" : gl,
        mode: "markers",
        hoverinfo: solid ? "none" : "skip",
        x: every(places, width, 0),
        y: every(places, width, 1),
        ...(solid ? { z: every(places, width, 2) } : {}),
        visible: !text || look.texts,
        marker: {
          ...marker,
          size: (solid ? 0.55 : 1) * (text ? 0.85 : 1) * size,
          ...(text ? { symbol: "diamond" } : {}),
        },
      };
    }

    function traces() {
      const solid = look.dimensions === 3;
      const [texts, speech] = solid ? [points.solidText, points.solid] : [points.flatText, points.flat];
      return [trace(TEXTS, texts, 1), trace(SPEECH, speech, 0), ...(solid ? layer.solid(marks, look, under) : [])];
    }

    function layout() {
      const bare = { visible: false, showgrid: false, zeroline: false };
      const common = {
        margin: { l: 0, r: 0, t: 0, b: 0 },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        showlegend: false,
        uirevision: "kept",
      };
      if (look.dimensions === 3) {
        const axis = { visible: false, showspikes: false };
        const scene = { xaxis: axis, yaxis: axis, zaxis: axis, aspectmode: "cube", dragmode: "orbit" };
        return { ...common, hovermode: "closest", scene: { ...scene, camera: { eye: EYE } } };
      }
      const { xaxis, yaxis } = plot._fullLayout ?? {};
      const edge = { color: colour("--ink"), width: 1.5, dash: "dot" };
      return {
        ...common,
        hovermode: false,
        dragmode: coarse.matches && look.drag === "pan" ? false : look.drag,
        newselection: { line: edge },
        activeselection: { fillcolor: "rgba(0,0,0,0)" },
        selections: [],
        xaxis: { ...bare, range: xaxis?.range ?? home.x },
        yaxis: { ...bare, range: yaxis?.range ?? home.y },
      };
    }

    const options = { displayModeBar: false, responsive: false, doubleClick: false, showTips: false, scrollZoom: false };

    function draw() {
      if (look.dimensions === 3) return soon();
      Plotly.react(plot, traces(), layout(), options);
      layer.flat(marks, look, under);
    }

    /* The solid map takes a change at a time: all those of a moment are one. */
    function soon() {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        if (!freed && look.dimensions === 3) Plotly.react(plot, traces(), layout(), options);
      });
    }

    /* Colours alone. */
    function recolour() {
      if (look.dimensions === 3) return soon();
      Plotly.restyle(plot, { "marker.color": [coloured(1), coloured(0)] }, [TEXTS, SPEECH]);
      above();
    }

    function begin() {
      Plotly.purge(plot);
      Plotly.newPlot(plot, traces(), layout(), options);
      plot.on("plotly_relayouting", () => layer.flat(marks, look, under));
      plot.on("plotly_relayout", () => layer.flat(marks, look, under));
      plot.on("plotly_selected", selected);
      if (look.dimensions === 3) {
        const spot = ({ points: [point] }) => ({ row: point.pointNumber, text: point.curveNumber === TEXTS });
        const own = ({ points: [point] }) => point.curveNumber <= SPEECH && passes(point.pointNumber);
        plot.on("plotly_click", (event) => own(event) && click(spot(event).row, event.event));
        plot.on("plotly_hover", (event) => own(event) && point(spot(event), event.event));
        plot.on("plotly_unhover", () => point(null));
      }
      layer.flat(marks, look, under);
    }

    /* What is marked, without the points. */
    function above() {
      if (look.dimensions === 3) return soon();
      layer.flat(marks, look, under);
    }

    // ---- the pointer ----------------------------------------------------------------------------------------

    /* The nearest point that is shown, {row, text}, within reach of a place of the window; null where there is none. */
    function at({ clientX, clientY }) {
      const box = plot.getBoundingClientRect();
      const { x, y, ox, oy } = layer.pixels();
      const [px, py] = [clientX - box.left, clientY - box.top];
      let [best, found] = [NEAR * NEAR, null];
      const search = (places, text) => {
        for (let row = 0; row < points.count; row++) {
          const distance = (ox + x * places[2 * row] - px) ** 2 + (oy + y * places[2 * row + 1] - py) ** 2;
          if (distance < best && passes(row)) [best, found] = [distance, { row, text }];
        }
      };
      if (look.texts) search(points.flatText, true);
      search(points.flat, false);
      return found;
    }

    function point(next, event) {
      if (next?.row === under?.row && next?.text === under?.text) return;
      under = next;
      plot.classList.toggle("on-point", next !== null);
      layer.label(next, look, event);
      above();
      hover(next?.row ?? null);
    }

    function moved(event) {
      if (look.dimensions === 3 || event.buttons || event.pointerType === "touch") return;
      point(at(event), event);
    }

    const left = () => look.dimensions === 2 && point(null);
    const down = (event) => (pressed = event.isPrimary && event.button === 0 ? event : null);

    function up(event) {
      const from = pressed;
      pressed = null;
      if (look.dimensions === 3 || !from || from.pointerId !== event.pointerId) return;
      if (Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > STILL) return;
      const on = at(event);
      if (on) click(on.row, event);
    }

    function wheel(event) {
      if (look.dimensions === 3 || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      zoom(1.15 ** Math.sign(event.deltaY), event);
    }

    function selected(event) {
      const inside = event?.lassoPoints ? within(event.lassoPoints) : event?.range ? between(event.range) : null;
      if (!inside) return;
      const rows = [];
      for (let row = 0; row < points.count; row++)
        if (passes(row) && inside(points.flat[2 * row], points.flat[2 * row + 1])) rows.push(row);
      setTimeout(() => {
        if (freed) return;
        Plotly.update(plot, { selectedpoints: [null] }, { selections: [] });
        select(rows);
      });
    }

    const between = ({ x, y }) => {
      const [left, right] = [Math.min(...x), Math.max(...x)];
      const [bottom, top] = [Math.min(...y), Math.max(...y)];
      return (px, py) => px >= left && px <= right && py >= bottom && py <= top;
    };

    /* Whether a place lies in a polygon, by how often a ray from it crosses the edge. */
    const within = ({ x, y }) => (px, py) => {
      let inside = false;
      for (let n = 0, m = x.length - 1; n < x.length; m = n++)
        if (y[n] > py !== y[m] > py && px < ((x[m] - x[n]) * (py - y[n])) / (y[m] - y[n]) + x[n]) inside = !inside;
      return inside;
    };

    // ---- what others ask ------------------------------------------------------------------------------------

    function zoom(factor, event) {
      if (look.dimensions === 3) {
        const { eye } = plot._fullLayout.scene.camera;
        const next = factor ? { x: factor * eye.x, y: factor * eye.y, z: factor * eye.z } : EYE;
        return Plotly.relayout(plot, { "scene.camera.eye": next });
      }
      if (!factor) return Plotly.relayout(plot, { "xaxis.range": home.x, "yaxis.range": home.y });
      const box = plot.getBoundingClientRect();
      const share = event
        ? [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height]
        : [0.5, 0.5];
      const ranges = ["xaxis", "yaxis"].map((name, n) => {
        const [low, high] = plot._fullLayout[name].range;
        const fixed = low + share[n] * (high - low);
        return [`${name}.range`, [fixed + factor * (low - fixed), fixed + factor * (high - fixed)]];
      });
      return Plotly.relayout(plot, Object.fromEntries(ranges));
    }

    function change(values) {
      const before = { ...look };
      Object.assign(look, values);
      const other = (...names) => names.some((name) => look[name] !== before[name]);
      if (other("dimensions")) begin();
      else if (other("by", "texts", "drag")) draw();
      else if (other("shown")) recolour();
      else above();
    }

    function mark(values) {
      const { chosen } = marks;
      Object.assign(marks, values);
      marks.chosen === chosen ? above() : recolour();
    }

    const theme = new MutationObserver(draw);
    const listeners = { pointermove: moved, pointerleave: left, pointerdown: down };
    for (const [name, listener] of Object.entries(listeners)) plot.addEventListener(name, listener, true);
    window.addEventListener("pointerup", up, true);
    plot.addEventListener("wheel", wheel, { passive: false });
    begin();
    theme.observe(document.body, { attributeFilter: ["class"] });

    return {
      look: change,
      mark,
      legend: () => colours.legend(look.by),
      zoom: (factor) => zoom(factor),
      resize() {
        if (!plot.clientWidth) return; // it is hidden
        Plotly.relayout(plot, { width: plot.clientWidth, height: plot.clientHeight }); // at once, unlike Plots.resize
        layer.flat(marks, look, under);
      },
      free() {
        freed = true;
        theme.disconnect();
        for (const [name, listener] of Object.entries(listeners)) plot.removeEventListener(name, listener, true);
        window.removeEventListener("pointerup", up, true);
        plot.removeEventListener("wheel", wheel);
        layer.free();
        if (latest.get(plot) === layer) Plotly.purge(plot); // otherwise another is drawn there already
      },
    };
  }

  return Object.assign(drawing, { deep });
})();
