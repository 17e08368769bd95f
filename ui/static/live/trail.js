/* The small map beside the list of the live tab: the way of an utterance over it while it is said, and what it finds.
   There is none where the window is narrow or the library has no map. Points and their drawing: points.js, drawing.js. */
"use strict";

clasp.trail = (element) => {
  const panel = element.querySelector(".live-map");
  const plot = panel.querySelector(".live-map-plot");

  let key; // of the library whose map is wanted; "" where it has none, undefined as long as nobody knows
  let drawn = ""; // of the one that is drawn, or on its way
  let seen = false; // whether there is room, and the tab is open
  let points = null;
  let view = null;
  let latest = null; // the entry of the list that was heard last
  let pointed = null; // the one that is pointed at

  /* Another library is searched, by what stands for it in addresses; "" if it has no map. */
  function of(wanted) {
    if (wanted === key) return;
    key = wanted;
    drawn = "";
    latest = pointed = null;
    free();
    panel.dataset.stage = key ? "loading" : "none";
    draw();
  }

  async function draw() {
    if (!seen || !key || drawn === key) return;
    const mine = (drawn = key);
    try {
      const fetched = await clasp.points(mine);
      if (mine !== key) return; // another library was chosen meanwhile
      const made = await clasp.drawing(plot, fetched, { click: press });
      if (mine !== key) return made.free();
      [points, view] = [fetched, made];
    } catch {
      if (mine === key) panel.dataset.stage = "none";
      return;
    }
    panel.dataset.stage = "drawn";
    mark();
  }

  function free() {
    view?.free();
    [points, view] = [null, null];
  }

  /* The way of what is pointed at or was heard last. */
  function mark() {
    if (!view) return;
    const entry = pointed ?? latest;
    const path = entry?.path ?? [];
    const hits = (entry?.hits ?? []).map(({ id }) => points.row(id)).filter((row) => row !== undefined);
    view.mark({ hits, query: path.at(-1) ?? null, path, spot: null, chosen: null });
  }

  /* An entry has news. */
  function show(entry) {
    latest = entry.map === key ? entry : latest;
    mark();
  }

  /* An entry of the list, or none, is pointed at. */
  function point(entry) {
    const now = entry?.map === key ? entry : null;
    if (now === pointed) return;
    pointed = now;
    mark();
  }

  /* Forget what is not in the list any more. */
  function keep(entries) {
    if (!entries.includes(latest)) latest = entries.findLast((one) => one.map === key) ?? null;
    pointed = null;
    mark();
  }

  /* A hit of the list is heard. */
  function press(row) {
    element.querySelector(`.utterance-hit[data-segment="${points.id[row]}"] .play-button`)?.click();
  }

  new IntersectionObserver(([one]) => {
    seen = one.isIntersecting;
    draw();
  }).observe(panel);
  new ResizeObserver(() => view?.resize()).observe(plot);

  return { of, show, point, keep };
};
