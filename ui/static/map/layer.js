/* What is marked on a map, above its points: rings around hits, the query's star and the way it came, what plays, the
   line between the speech and the text of one item, names of regions, and the label of what is pointed at. */
"use strict";

window.clasp ??= {};

clasp.layer = (plot, points) => {
  const STAR = "M0-11 3.2-3.4 11-3.4 4.8 1.6 7 9.4 0 4.8-7 9.4-4.8 1.6-11-3.4-3.2-3.4z";
  const RING = { hit: 9, spot: 13 }; // radius in pixels
  const GAP = 6; // pixels between two names
  const LINE = 14; // height of a name
  const FACTS = ["category", "language", "speaker"]; // that the label tells where they colour the points

  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.classList.add("map-layer");
  svg.setAttribute("aria-hidden", "true");
  const label = Object.assign(document.createElement("div"), { className: "map-label", hidden: true });
  plot.after(svg, label);

  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const pair = (places, row) => [places[2 * row], places[2 * row + 1]];
  const triple = (places, row) => [places[3 * row], places[3 * row + 1], places[3 * row + 2]];

  /* Pixels within the plot of a place (px, py): (ox + x · px, oy + y · py). The ranges are those of this moment, while it
     is being dragged, too. */
  function pixels() {
    const { xaxis, yaxis } = plot._fullLayout;
    const x = xaxis._length / (xaxis.range[1] - xaxis.range[0]);
    const y = -yaxis._length / (yaxis.range[1] - yaxis.range[0]);
    return { x, y, ox: xaxis._offset - x * xaxis.range[0], oy: yaxis._offset - y * yaxis.range[1] };
  }

  function node(name, kind, facts) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    made.classList.add(kind);
    for (const [fact, value] of Object.entries(facts)) made.setAttribute(fact, value);
    return made;
  }

  /* Draw it anew on the flat map; on the solid one Plotly does, see `solid`. */
  function flat(marks, look, under) {
    if (look.dimensions === 3) return svg.replaceChildren();
    const { x, y, ox, oy } = pixels();
    const to = ([px, py]) => [ox + x * px, oy + y * py];
    const parts = [];
    const ring = (kind, row) => {
      const [cx, cy] = to(pair(points.flat, row));
      parts.push(node("circle", kind, { cx, cy, r: RING[kind], "data-row": row }));
    };
    if (look.regions) parts.push(...names(to));
    const joined = under && look.texts && !Number.isNaN(points.flatText[2 * under.row]);
    if (joined) {
      const [[x1, y1], [x2, y2]] = [to(pair(points.flat, under.row)), to(pair(points.flatText, under.row))];
      parts.push(node("line", "joint", { x1, y1, x2, y2 }));
    }
    const way = marks.path.map(({ flat: place }) => to(place));
    for (let n = 1; n < way.length; n++) {
      const [[x1, y1], [x2, y2]] = [way[n - 1], way[n]];
      parts.push(node("line", "way", { x1, y1, x2, y2, opacity: 0.2 + (0.8 * n) / way.length }));
    }
    for (const row of marks.hits) ring("hit", row);
    if (marks.spot !== null) ring("spot", marks.spot);
    if (marks.query) {
      const [cx, cy] = to(marks.query.flat);
      parts.push(node("path", "query", { d: STAR, transform: `translate(${cx} ${cy})` }));
    }
    svg.replaceChildren(...parts);
  }

  /* Names of the regions, the largest first; one that would cover another waits until there is room. */
  function names(to) {
    const { width, height } = svg.getBoundingClientRect();
    const taken = [];
    const found = [];
    for (const { name, flat: place } of points.regions) {
      const [cx, cy] = to(place);
      const half = 3.4 * name.length + GAP;
      const box = [cx - half, cy - LINE / 2 - GAP / 2, cx + half, cy + LINE / 2 + GAP / 2];
      const outside = box[0] < 0 || box[1] < 0 || box[2] > width || box[3] > height;
      const covers = (other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1];
      if (outside || taken.some(covers)) continue;
      taken.push(box);
      const text = node("text", "region", { x: cx, y: cy, direction: "auto" });
      text.textContent = name;
      found.push(text);
    }
    return found;
  }

  /* The same for the solid map, as traces, always as many. */
  function solid(marks, look, under) {
    const trace = (places, more) => ({
      type: "scatter3d",
      mode: "markers",
      hoverinfo: "skip",
      x: places.map(([x]) => x),
      y: places.map(([, y]) => y),
      z: places.map(([, , z]) => z),
      ...more,
    });
    const [ink, accent] = [colour("--ink"), colour("--accent")];
    const joined = under && look.texts && !Number.isNaN(points.solidText[3 * under.row]);
    const joint = joined ? [triple(points.solid, under.row), triple(points.solidText, under.row)] : [];
    const regions = look.regions ? points.regions : [];
    const spot = marks.spot === null ? [] : [triple(points.solid, marks.spot)];
    return [
      trace(marks.hits.map((row) => triple(points.solid, row)), { marker: { size: 9, symbol: "circle-open", color: ink } }),
      trace(spot, { marker: { size: 12, symbol: "circle-open", color: accent } }),
      trace(marks.query ? [marks.query.solid] : [], { marker: { size: 8, symbol: "cross", color: accent } }),
      trace(marks.path.map((one) => one.solid), { mode: "lines", line: { color: accent, width: 3 }, marker: { color: accent } }),
      trace(joint, { mode: "lines", line: { color: ink, width: 2 }, marker: { color: ink } }),
      trace(regions.map((one) => one.solid), {
        mode: "text",
        text: regions.map((one) => one.name),
        textfont: { color: ink, size: 11, family: "system-ui, sans-serif" },
        marker: { color: ink },
      }),
    ];
  }

  /* What is pointed at: its text, the recording and the time, and the fact that colours it. */
  function tell(under, look, event) {
    label.hidden = under === null;
    if (!under) return;
    const { row, text } = under;
    const said = Object.assign(document.createElement("p"), { dir: "auto", textContent: points.text[row] || "Not written down" });
    const title = points.titles[points.recording[row]];
    const fact = FACTS.includes(look.by) ? points.labels[look.by][points[look.by][row]] : "";
    const kind = text ? "Text" : look.by === "modality" ? "Speech" : "";
    const facts = [kind, title === points.text[row] ? "" : title, clock(points.start[row]), fact].filter(Boolean).join(" · ");
    label.replaceChildren(said, Object.assign(document.createElement("small"), { textContent: facts }));
    const box = plot.getBoundingClientRect();
    const [px, py] = [(event?.clientX ?? box.left) - box.left, (event?.clientY ?? box.top) - box.top];
    label.style.left = `${Math.max(8, Math.min(px + 14, box.width - label.offsetWidth - 8))}px`;
    label.style.top = `${py + 18 + label.offsetHeight > box.height ? Math.max(8, py - 14 - label.offsetHeight) : py + 18}px`;
  }

  return {
    pixels,
    flat,
    solid,
    label: tell,
    free() {
      svg.remove();
      label.remove();
    },
  };
};
