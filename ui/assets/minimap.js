/* The map of the library that ships: its points, the query, the hits, what plays. */
"use strict";

window.clasp ??= {};

clasp.minimap = (() => {
  const NONE = "none"; // overlay for libraries without a map
  const DEMO = "demo/"; // begins the ids of its segments, as the player knows them

  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const coarse = matchMedia("(pointer: coarse)");

  function script(src) {
    return new Promise((resolve, reject) => {
      const tag = Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject });
      document.head.append(tag);
    });
  }

  async function minimap(element, props, watch) {
    const plot = element.querySelector(".map-plot");
    const wait = element.querySelector(".map-wait");
    const found = document.querySelector("#found");
    try {
      const [data] = await Promise.all([
        fetch("map.json").then((reply) => reply.json()),
        window.Plotly || script("plotly.js"),
      ]);
      if (data.error) throw new Error(data.error);
      const view = chart(element, plot, data);
      wait.hidden = true;
      const overlay = () => {
        if (props.value !== NONE) view.overlay(props.value ? JSON.parse(props.value) : null);
      };
      overlay();
      watch("value", () => {
        found.dataset.map = props.value === NONE ? NONE : "";
        overlay();
      });
    } catch (error) {
      wait.textContent = error.message || "The map could not be loaded.";
    }
  }

  function chart(element, plot, data) {
    const caption = element.querySelector(".map-caption");
    const hint = caption.innerHTML;
    const gl = document.createElement("canvas").getContext("webgl") ? "scattergl" : "scatter";
    const index = new Map(data.id.map((id, n) => [id, n]));
    const row = (play) => (play?.startsWith(DEMO) ? index.get(Number(play.slice(DEMO.length))) ?? null : null);
    const range = (values) => {
      const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
      const margin = 0.05 * (high - low) || 1;
      return [low - margin, high + margin];
    };
    const home = { "xaxis.range": range(data.x), "yaxis.range": range(data.y) };
    let shown = null; // the overlay
    let spot = null; // the point that plays or is pointed at, as a row number

    const at = (rows) => ({ x: rows.map((n) => data.x[n]), y: rows.map((n) => data.y[n]) });
    const from = (n) => `${data.categories[data.category[n]]} · ${data.languages[data.language[n]]}`;
    const passes = (n) =>
      !shown ||
      ((!shown.category || data.categories[data.category[n]] === shown.category) &&
        (!shown.language || data.languages[data.language[n]] === shown.language));

    function traces() {
      const ink = colour("--ink");
      const paper = colour("--card");
      const colours = data.categories.map((_, n) => colour(`--category-${n}`));
      const hits = (shown?.hits ?? []).filter((id) => index.has(id)).map((id) => index.get(id));
      const common = { type: gl, mode: "markers", hoverinfo: "skip" };
      return [
        {
          ...common,
          x: data.x,
          y: data.y,
          text: data.text.map(label),
          hoverinfo: "text",
          marker: {
            size: 8,
            color: data.category.map((n) => colours[n]),
            opacity: data.id.map((_, n) => (passes(n) ? 0.85 : 0.12)),
            line: { width: 0 },
          },
        },
        {
          ...common,
          ...at(hits),
          marker: { size: 21, symbol: "circle-open", color: ink, line: { width: 2 } },
        },
        {
          ...common,
          ...at(spot === null ? [] : [spot]),
          marker: { size: 30, symbol: "circle-open", color: colour("--accent"), line: { width: 3 } },
        },
        {
          ...common,
          x: shown ? [shown.query[0]] : [],
          y: shown ? [shown.query[1]] : [],
          hoverinfo: "text",
          text: ["Your query"],
          marker: { size: 20, symbol: "star", color: colour("--accent"), line: { width: 1.5, color: paper } },
        },
      ];
    }

    function label(text, n) {
      const lines = (text || "Not written down").match(/.{1,42}(\s|$)|.{1,42}/gu) ?? [];
      const shown = lines.length > 5 ? [...lines.slice(0, 4), "…"] : lines;
      return [...shown, from(n)].map((line) => line.trim().replace(/&/g, "&amp;").replace(/</g, "&lt;")).join("<br>");
    }

    function layout() {
      const axis = { visible: false, fixedrange: false };
      return {
        margin: { l: 0, r: 0, t: 0, b: 0 },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        showlegend: false,
        hovermode: "closest",
        hoverdistance: 12,
        dragmode: coarse.matches ? false : "pan",
        xaxis: { ...axis, range: plot._fullLayout?.xaxis.range ?? home["xaxis.range"] },
        yaxis: { ...axis, range: plot._fullLayout?.yaxis.range ?? home["yaxis.range"] },
        hoverlabel: {
          bgcolor: colour("--ink"),
          bordercolor: colour("--ink"),
          align: "left",
          font: { family: "system-ui, sans-serif", size: 13, color: colour("--paper") },
        },
      };
    }

    const draw = () =>
      Plotly.react(plot, traces(), layout(), { displayModeBar: false, responsive: true, doubleClick: false });

    function say(row) {
      if (row === null) return (caption.innerHTML = hint);
      const said = Object.assign(document.createElement("span"), { dir: "auto", textContent: data.text[row] });
      const facts = Object.assign(document.createElement("small"), { textContent: from(row) });
      caption.replaceChildren(said, facts);
    }

    function mark(row) {
      if (row === spot) return;
      spot = row;
      Plotly.restyle(plot, { x: [at(row === null ? [] : [row]).x], y: [at(row === null ? [] : [row]).y] }, [2]);
    }

    function zoom(factor) {
      const ranges = {};
      for (const name of ["xaxis", "yaxis"]) {
        const [low, high] = plot._fullLayout[name].range;
        const [middle, half] = [(low + high) / 2, ((high - low) / 2) * factor];
        ranges[`${name}.range`] = [middle - half, middle + half];
      }
      Plotly.relayout(plot, factor ? ranges : home);
    }

    draw();
    plot.on("plotly_click", ({ points: [point] }) => {
      if (point.curveNumber !== 0) return;
      const n = point.pointNumber;
      const id = DEMO + data.id[n];
      if (clasp.playing()?.id === id) return clasp.stop();
      clasp.play({ id, src: `audio/demo/${encodeURIComponent(data.recording[n])}`, start: data.start[n], end: data.end[n] });
    });
    element.querySelector(".map-zoom").hidden = false;
    element.querySelectorAll("[data-zoom]").forEach((button) =>
      button.addEventListener("click", () => zoom(Number(button.dataset.zoom))),
    );
    const key = data.categories.map((name, n) => {
      const entry = document.createElement("li");
      const dot = document.createElement("i");
      dot.style.background = `var(--category-${n})`;
      entry.append(dot, name);
      return entry;
    });
    element.querySelector(".map-key").replaceChildren(...key);

    const current = () => row(clasp.playing()?.id);
    clasp.followers.add(() => {
      mark(current());
      say(current());
    });
    for (const event of ["pointerover", "focusin"])
      document.addEventListener(event, ({ target }) => {
        const card = target.closest?.(".hit");
        mark(card ? row(card.querySelector("[data-play]").dataset.play) : current());
      });
    new MutationObserver(draw).observe(document.body, { attributeFilter: ["class"] });
    return {
      overlay(next) {
        shown = next;
        draw();
        Plotly.Plots.resize(plot); // it may have been hidden
      },
    };
  }

  return minimap;
})();
