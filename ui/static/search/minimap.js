/* The map beside the results: the library's points, the query, the hits, what plays. Points and their drawing are in
   points.js and drawing.js. */
"use strict";

window.clasp ??= {};

clasp.minimap = (element, props, watch, trigger) => {
  const NONE = "none"; // overlay for libraries without a map
  const part = (selector) => element.querySelector(selector);
  const [plot, wait, caption, legend] = [".map-plot", ".map-wait", ".map-caption", ".map-key"].map(part);
  const hint = [...caption.childNodes].map((node) => node.cloneNode(true));

  let overlay = null; // what the server wants to be shown
  let drawn = {}; // the overlay for which the present points were fetched, or are on their way
  let points = null;
  let view = null;

  function follow() {
    document.querySelector("#found").dataset.map = props.value === NONE ? NONE : "";
    if (!props.value || props.value === NONE) return;
    overlay = JSON.parse(props.value);
    const same = overlay.key === drawn.key;
    if (same && (!drawn.drawn || drawn.drawn === overlay.drawn)) {
      drawn.drawn = overlay.drawn;
      return view && dress();
    }
    if (same) clasp.points.forget(overlay.key);
    draw();
  }

  async function draw() {
    const mine = (drawn = overlay);
    view?.free();
    [points, view] = [null, null];
    part(".map-zoom").hidden = true;
    wait.hidden = false;
    wait.textContent = "Drawing the map …";
    try {
      const fetched = await clasp.points(mine.key);
      if (mine !== drawn) return; // another library was chosen meanwhile
      const made = await clasp.drawing(plot, fetched, { click: press, hover: say });
      if (mine !== drawn) return made.free();
      [points, view] = [fetched, made];
    } catch (error) {
      if (mine === drawn) wait.textContent = error.message || "The map could not be loaded.";
      return;
    }
    wait.hidden = true;
    part(".map-zoom").hidden = false;
    view.look({ by: "category", regions: false });
    dress();
  }

  /* The query, the hits, and what the filters let through. */
  function dress() {
    const { only, query, hits } = overlay;
    const wanted = ["category", "language"].filter((fact) => only[fact]);
    const codes = wanted.map((fact) => points.names[fact].indexOf(only[fact]));
    const passes = (row) => wanted.every((fact, n) => points[fact][row] === codes[n]);
    view.look({ shown: wanted.length ? Uint8Array.from({ length: points.count }, (_, row) => passes(row)) : null });
    view.mark({ query, hits: hits.map(points.row).filter((row) => row !== undefined), spot: row(clasp.playing()?.id) });
    entries();
  }

  /* What the colours mean, as buttons that narrow the search to one category, or widen it again. */
  function entries() {
    const made = view.legend().map(({ code, label, colour }) => {
      const [entry, dot] = [document.createElement("li"), document.createElement("i")];
      dot.style.background = colour;
      const name = points.names.category[code] ?? "";
      const button = Object.assign(document.createElement(name ? "button" : "span"), { type: "button" });
      if (name) {
        button.dataset.category = name;
        button.setAttribute("aria-pressed", overlay.only.category === name);
      }
      button.append(dot, label);
      entry.append(button);
      return entry;
    });
    const focused = legend.contains(document.activeElement) ? document.activeElement.dataset.category : undefined;
    legend.replaceChildren(...(made.length > 1 ? made : []));
    if (focused !== undefined) legend.querySelector(`[data-category="${CSS.escape(focused)}"]`)?.focus();
  }

  const id = (row) => `${overlay.library}/${points.id[row]}`; // as the player knows it
  function row(playing) {
    const [library, number] = playing?.split("/") ?? [];
    return library === overlay.library ? (points.row(Number(number)) ?? null) : null;
  }

  function press(row) {
    if (clasp.playing()?.id === id(row)) return clasp.stop();
    clasp.play({ id: id(row), ...points.sound(row, 0) });
  }

  function say(row) {
    if (row === null) return caption.replaceChildren(...hint.map((node) => node.cloneNode(true)));
    const facts = ["category", "language"].map((fact) => points.labels[fact][points[fact][row]]).filter(Boolean);
    const text = points.text[row] || "Not written down";
    const said = Object.assign(document.createElement("span"), { dir: "auto", textContent: text });
    caption.replaceChildren(said, Object.assign(document.createElement("small"), { textContent: facts.join(" · ") }));
  }

  element.addEventListener("click", ({ target }) => {
    const { zoom, category } = target.closest("button")?.dataset ?? {};
    if (zoom) view.zoom(Number(zoom));
    if (category) trigger("choose", { category: category === overlay.only.category ? "" : category });
  });
  clasp.followers.add(() => {
    if (!view) return;
    const playing = row(clasp.playing()?.id);
    view.mark({ spot: playing });
    say(playing);
  });
  for (const event of ["pointerover", "focusin"])
    document.addEventListener(event, ({ target }) => {
      if (!view || !target.closest?.("#results")) return;
      const card = target.closest(".hit");
      view.mark({ spot: row(card?.querySelector("[data-play]").dataset.play ?? clasp.playing()?.id) });
    });
  new ResizeObserver(() => view?.resize()).observe(plot);
  watch("value", follow);
  follow();
};
