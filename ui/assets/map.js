/* The Map tab: how the map is looked at, what is asked of it and what is said about it. Its legend is in maplegend.js,
   the list beside it in maplist.js, points and their drawing in points.js and drawing.js. */
"use strict";

clasp.map = (element, props, watch, trigger) => {
  const part = (selector) => element.querySelector(selector);
  const parts = (selector) => [...element.querySelectorAll(selector)];
  const make = (tag, facts, ...inside) => {
    const node = Object.assign(document.createElement(tag), facts);
    node.append(...inside);
    return node;
  };

  const WAYS = ["category", "language", "speaker", "recording", "modality"]; // to colour the points
  const DEEP = clasp.drawing.deep();
  const stage = part(".explore");
  const find = part("[name=find]");
  const { count } = clasp.maplist;
  const save = (kind, ids) => trigger("export", { kind, ids });
  const legend = clasp.maplegend(part(".explore-legend"), { changed: filter, turn: () => change({ texts: !look.texts }) });
  const { colour } = legend;
  const list = clasp.maplist(part(".explore-list"), { only, point, save, colour, coloured: () => look.by });

  let state = {}; // of the library, as the server tells it
  let points = null;
  let view = null;
  let drawn = ""; // which points they are
  let found = null; // the last answer: {query, hits: [{row, probability, strong}], strong, missing, text}
  let chosen = null; // rows that were selected
  let waiting = ""; // the text of a search that is not answered yet
  const look = { by: "category", dimensions: 2, texts: false, regions: true, drag: "pan" };

  // ---- the address ------------------------------------------------------------------------------------------

  function remembered() {
    const { get } = clasp.address;
    if (WAYS.includes(get("by"))) look.by = get("by");
    if (get("dim") === "3" && DEEP) look.dimensions = 3;
    look.texts = get("texts") === "1";
    legend.read(get("off"));
    find.value = get("find");
  }

  function keep() {
    const by = look.by === WAYS[0] ? "" : look.by;
    const dim = look.dimensions === 3 ? "3" : "";
    const texts = look.texts ? "1" : "";
    clasp.address.keep({ by, dim, texts, off: legend.written(), find: find.value.trim() }, "map");
  }

  // ---- what is drawn ----------------------------------------------------------------------------------------

  /* The server has told of the library. */
  function follow() {
    if (!props.state) return;
    const [before, now] = [state, JSON.parse(props.state)];
    state = now;
    const other = before.key !== now.key;
    if (other && before.key) {
      legend.clear();
      find.value = "";
      keep();
    }
    if (!now.drawn) return instead();
    if (!other && now.drawn === drawn) return tell();
    if (!other) clasp.points.forget(now.key);
    drawn = now.drawn;
    draw();
  }

  async function draw() {
    const mine = drawn;
    free();
    stage.dataset.stage = "loading";
    try {
      const fetched = await clasp.points(state.key);
      if (mine !== drawn) return; // another library was chosen meanwhile
      const made = await clasp.drawing(part(".explore-plot"), fetched, { click: list.press, hover: list.pointed, select });
      if (mine !== drawn) return made.free();
      [points, view] = [fetched, made];
    } catch (error) {
      if (mine === drawn) instead(error.message || "The map could not be loaded.");
      return;
    }
    stage.dataset.stage = "drawn";
    list.open(points, state.library);
    dress();
    regions();
    measures();
    tell();
    if (find.value.trim()) ask();
  }

  function free() {
    view?.free();
    [points, view, found, chosen] = [null, null, null, null];
    list.open(null);
    for (const box of parts(".explore-legend, .explore-regions ul, .explore-measures dl, .explore-notes")) box.replaceChildren();
    part(".explore-regions").hidden = part(".explore-measures").hidden = true;
  }

  /* The controls, and the points, as they are to be looked at. */
  function dress() {
    if (look.dimensions === 3) look.drag = "pan"; // selecting is for the flat map
    for (const button of parts("[data-dim]")) press(button, Number(button.dataset.dim) === look.dimensions);
    for (const button of parts("[data-drag]")) {
      press(button, button.dataset.drag === look.drag);
      button.disabled = look.dimensions === 3 && button.dataset.drag !== "pan";
    }
    part("[name=by]").value = look.by;
    for (const name of ["texts", "regions"]) part(`[name=${name}]`).checked = look[name];
    if (!view) return;
    view.look(look);
    legend.draw(view.legend(), points, look);
    filter();
  }

  const press = (button, pressed) => button.setAttribute("aria-pressed", pressed);

  function change(values) {
    if (values.by && values.by !== look.by) legend.clear();
    Object.assign(look, values);
    dress();
    keep();
  }

  /* Let through what the legend lets through. */
  function filter() {
    view.look({ shown: legend.shown() });
    mark();
    keep();
  }

  /* Show what has the same category, language, speaker or recording as an utterance, alone. */
  function only(fact, row) {
    const code = points[fact][row];
    look.by = fact;
    legend.prepare(code);
    dress();
    legend.only(code);
    filter();
  }

  /* What stands where there is no map. */
  function instead(wrong = state.wrong) {
    drawn = "";
    free();
    const kind = wrong ? "wrong" : state.utterances ? "none" : "empty";
    const [title, text] = {
      wrong: ["This map cannot be shown", wrong],
      none: [
        "No map yet",
        `A map shows all ${count(state.utterances)} of this library at a glance. Those that say something alike lie
          close together, and each can be heard from there.`,
      ],
      empty: ["Nothing here yet", "Add recordings in the Library tab: then what is said in them can be laid out as a map."],
    }[kind];
    const may = kind === "none" && state.owner;
    stage.dataset.stage = kind;
    part(".explore-instead h2").textContent = title;
    part(".explore-instead p").textContent = text;
    part(".explore-main").hidden = !may;
    part(".explore-instead small").textContent = may
      ? `About ${state.seconds} on two cores. Searching goes on meanwhile.`
      : kind === "none"
        ? "Whoever runs this page can lay it out."
        : "";
    tell();
  }

  // ---- what is marked and listed ----------------------------------------------------------------------------

  function mark() {
    const every = chosen ?? found?.hits.map(({ row }) => row) ?? Array.from({ length: points.count }, (_, row) => row);
    const rows = every.filter(legend.passes);
    const strong = found?.strong ? found.hits.map(({ row }) => row).filter(legend.passes) : [];
    view.mark({ hits: strong, query: found?.query ?? null, chosen: chosen && rows });
    const kind = chosen ? "chosen" : found ? "hits" : "all";
    list.show({ kind, rows, hidden: every.length - rows.length, found: kind === "hits" ? found : null });
  }

  function select(rows) {
    chosen = rows?.length ? Array.from(rows) : null;
    mark();
  }

  function point(row) {
    view?.mark({ spot: row });
  }

  function regions() {
    const buttons = points.regions.map(({ name }, number) => {
      const button = make("button", { type: "button", textContent: name, dir: "auto" });
      button.dataset.region = number;
      return make("li", {}, button);
    });
    part(".explore-regions ul").replaceChildren(...buttons);
    part(".explore-regions").hidden = !buttons.length;
  }

  const within = (region) => [...points.region.keys()].filter((row) => points.region[row] === region);

  // ---- searching --------------------------------------------------------------------------------------------

  function ask() {
    waiting = view ? find.value.trim() : "";
    keep();
    if (!waiting) return view && answered(null);
    list.busy();
    trigger("search", { text: waiting });
  }

  function answered(told) {
    if (!view || (told && (told.text !== waiting || told.library !== state.library))) return;
    [waiting, chosen, found] = ["", null, null];
    if (told && !told.wrong) {
      const hits = told.hits.map(([id, probability, strong]) => ({ row: points.row(id), probability, strong }));
      const there = hits.filter(({ row }) => row !== undefined);
      const missing = hits.length - there.length; // of a map that is only a sample
      found = { query: told.query, hits: there, strong: hits.some((one) => one.strong), missing, text: told.text };
    }
    mark();
    if (told?.wrong) list.say("", told.wrong);
  }

  // ---- what is said about it --------------------------------------------------------------------------------

  function tell() {
    const notes = [];
    if (points) {
      const { stale, sampled, of } = points;
      if (points.count < of) notes.push(`${count(of)} are too many to draw: this is a random sample of ${count(points.count)}.`);
      if (sampled) notes.push(`${count(sampled, "point")} were laid out, and the others placed between them.`);
      if (stale) notes.push(`${count(stale)} came later: placed between their neighbours until the map is laid out anew.`);
      if (state.otherwise) notes.push("Another model made this map: laid out anew, it would fit better.");
    }
    part(".explore-notes").replaceChildren(...notes.map((textContent) => make("p", { textContent })));
    part(".explore-anew").hidden = !points || !state.owner;
    part(".explore-anew small").textContent = `About ${state.seconds} on two cores. Places stay recognisable.`;
    job();
  }

  function measures() {
    const rows = points.measures.map(({ name, value, chance, meaning }) => {
      const title = make("dt", { textContent: name.replace("_", ", ") });
      const beside = chance === null ? [] : [make("small", { textContent: `${chance.toFixed(2)} by chance` })];
      const told = make("dd", {}, make("b", { textContent: value.toFixed(2).replace("-", "−") }), ...beside);
      return make("div", {}, title, told, make("dd", { textContent: meaning }));
    });
    part(".explore-measures dl").replaceChildren(...rows);
    part(".explore-measures").hidden = !rows.length;
  }

  /* How far the layout is, or what became of it: beside the button that began it. */
  function job() {
    const [told, box] = [props.job ?? "", part(".explore-job")];
    part(points ? ".explore-anew" : ".explore-instead").append(box);
    box.hidden = !told || !state.key;
    if (part(".explore-progress").innerHTML !== told) part(".explore-progress").innerHTML = told;
    const running = part(".explore-progress [data-running]") !== null;
    part("[data-do=stop]").hidden = part("[data-stops]") === null;
    part("[data-do=close]").hidden = running;
    for (const button of parts("[data-do=fit]")) button.disabled = running;
  }

  // ---- what a person does -----------------------------------------------------------------------------------

  element.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  element.addEventListener("change", ({ target }) => {
    if (target.name === "by") change({ by: target.value });
    if (target.type === "checkbox") change({ [target.name]: target.checked });
  });
  find.addEventListener("input", () => find.value || ask()); // it was cleared
  element.addEventListener("click", ({ target }) => {
    const { dim, drag, zoom, region, do: action } = target.closest("button")?.dataset ?? {};
    if (dim) change({ dimensions: Number(dim) });
    else if (drag) change({ drag });
    else if (zoom) view?.zoom(Number(zoom));
    else if (region) select(within(Number(region)));
    else if (action === "clear") select(null);
    else if (["fit", "stop", "close"].includes(action)) trigger(action);
  });
  element.addEventListener("keydown", ({ key }) => key === "Escape" && chosen && select(null));
  new ResizeObserver(() => view?.resize()).observe(part(".explore-field"));
  watch("state", follow);
  watch("job", job);
  watch("found", () => props.found && answered(JSON.parse(props.found)));
  if (!DEEP) Object.assign(part("[data-dim='3']"), { disabled: true, title: "3-D takes WebGL, which is off in this browser" });
  remembered();
  dress();
  follow();
  job();
};
