// @ts-check
/* What is marked on a map, above its points: rings around hits, the query's star and the way it came, what plays, the
   line between the speech and the text of one item, names of regions, and the label of what is pointed at. */

import { colour, make } from "../common/dom.js";
import { clock } from "../common/format.js";

const STAR = "M0-11 3.2-3.4 11-3.4 4.8 1.6 7 9.4 0 4.8-7 9.4-4.8 1.6-11-3.4-3.2-3.4z";
const RING = { hit: 9, spot: 13 }; // radius in pixels
const GAP = 6; // pixels between two names
const LINE = 14; // height of a name

/** @typedef {ReturnType<typeof import("./projection.js").projection>} Projection */
/** @typedef {[number, number]} Pixels */

/**
 * The end of a row in an array of places.
 * @param {Float32Array} places
 * @param {number} row
 * @param {number} size coordinates of each place
 */
const place = (places, row, size) => Array.from(places.subarray(size * row, size * (row + 1)));

/**
 * @param {string} name
 * @param {string} kind its class
 * @param {Record<string, string | number>} facts
 */
function node(name, kind, facts) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  made.classList.add(kind);
  for (const [fact, value] of Object.entries(facts)) made.setAttribute(fact, String(value));
  return made;
}

/**
 * @param {HTMLElement} plot
 * @param {MapPoints} points
 */
export function layer(plot, points) {
  const svg = node("svg", "map-layer", { "aria-hidden": "true" });
  const label = make("div", { className: "map-label", hidden: true });
  plot.after(svg, label);

  /**
   * Whether the text of a row is drawn, to which a line leads from its speech.
   * @param {Spot | null} under
   * @param {Look} look
   * @returns {under is Spot}
   */
  const joined = (under, look) => under !== null && look.texts && !Number.isNaN(points.flatText[2 * under.row]);

  /**
   * Draw it anew on the flat map; on the solid one Plotly does, see `solid`.
   * @param {Marks} marks
   * @param {Look} look
   * @param {Spot | null} under the pointer
   * @param {Projection} projection
   */
  function flat(marks, look, under, { x, y, ox, oy }) {
    const to = (/** @type {number[]} */ [px, py]) => /** @type {Pixels} */ ([ox + x * px, oy + y * py]);
    const ring = (/** @type {"hit" | "spot"} */ kind, /** @type {number} */ row) => {
      const [cx, cy] = to(place(points.flat, row, 2));
      return node("circle", kind, { cx, cy, r: RING[kind], "data-row": row });
    };
    const line = (/** @type {string} */ kind, /** @type {Pixels[]} */ [[x1, y1], [x2, y2]], opacity = 1) =>
      node("line", kind, { x1, y1, x2, y2, opacity });
    const parts = look.regions ? names(to) : [];
    if (joined(under, look))
      parts.push(
        line(
          "joint",
          [points.flat, points.flatText].map((places) => to(place(places, under.row, 2))),
        ),
      );
    for (const rows of under ? threads(under.row) : [])
      parts.push(line("thread", /** @type {Pixels[]} */ (rows.map((row) => to(place(points.flat, row, 2))))));
    const way = marks.path.map((one) => to(one.flat));
    for (let n = 1; n < way.length; n++) parts.push(line("way", [way[n - 1], way[n]], 0.2 + (0.8 * n) / way.length));
    for (const row of marks.hits) parts.push(ring("hit", row));
    if (marks.spot !== null) parts.push(ring("spot", marks.spot));
    if (marks.query) {
      const [cx, cy] = to(marks.query.flat);
      parts.push(node("path", "query", { d: STAR, transform: `translate(${cx} ${cy})` }));
    }
    svg.replaceChildren(...parts);
  }

  /**
   * What of the recording of a row is said again in others, as pairs of rows.
   * @param {number} row
   */
  function threads(row) {
    const own = points.recording[row];
    return points.threads.filter((pair) => pair.some((one) => points.recording[one] === own));
  }

  /**
   * Names of the regions, the largest first; one that would cover another waits until there is room.
   * @param {(place: number[]) => Pixels} to
   */
  function names(to) {
    const { width, height } = svg.getBoundingClientRect();
    /** @type {number[][]} */
    const taken = [];
    const found = [];
    for (const { name, english, flat: middle } of points.regions) {
      const [x, y] = to(middle);
      const half = 3.4 * Math.max(name.length, english.length) + GAP;
      const high = ((english ? 2 : 1) * LINE + GAP) / 2;
      const [left, top, right, bottom] = [x - half, y - high, x + half, y + high];
      const outside = left < 0 || top < 0 || right > width || bottom > height;
      if (outside || taken.some(([l, t, r, b]) => left < r && right > l && top < b && bottom > t)) continue;
      taken.push([left, top, right, bottom]);
      for (const [n, words] of [name, english].filter(Boolean).entries()) {
        const text = node("text", "region", { x, y: y + (english ? (n - 0.5) * LINE : 0), direction: "auto" });
        text.textContent = words;
        found.push(text);
      }
    }
    return found;
  }

  /**
   * The same for the solid map, as traces, always as many.
   * @param {Marks} marks
   * @param {Look} look
   * @param {Spot | null} under
   */
  function solid(marks, look, under) {
    const trace = (/** @type {number[][]} */ places, /** @type {object} */ more) => ({
      type: "scatter3d",
      mode: "markers",
      hoverinfo: "skip",
      x: places.map(([x]) => x),
      y: places.map(([, y]) => y),
      z: places.map(([, , z]) => z),
      ...more,
    });
    const speech = (/** @type {number} */ row) => place(points.solid, row, 3);
    const [ink, accent] = [colour("--ink"), colour("--accent")];
    const joint = joined(under, look) ? [speech(under.row), place(points.solidText, under.row, 3)] : [];
    const regions = look.regions ? points.regions : [];
    return [
      trace(marks.hits.map(speech), { marker: { size: 9, symbol: "circle-open", color: ink } }),
      trace(marks.spot === null ? [] : [speech(marks.spot)], {
        marker: { size: 12, symbol: "circle-open", color: accent },
      }),
      trace(marks.query ? [marks.query.solid] : [], { marker: { size: 8, symbol: "cross", color: accent } }),
      trace(
        marks.path.map((one) => one.solid),
        { mode: "lines", line: { color: accent, width: 3 }, marker: { color: accent } },
      ),
      trace(joint, { mode: "lines", line: { color: ink, width: 2 }, marker: { color: ink } }),
      trace(
        regions.map((one) => one.solid),
        {
          mode: "text",
          text: regions.map((one) => [one.name, one.english].filter(Boolean).join("<br>")),
          textfont: { color: ink, size: 11, family: "system-ui, sans-serif" },
          marker: { color: ink },
        },
      ),
    ];
  }

  /**
   * What is pointed at: its text, the recording and the time, and the fact that colours it.
   * @param {Spot | null} under
   * @param {Look} look
   * @param {MouseEvent} [event] where
   */
  function tell(under, look, event) {
    label.hidden = under === null;
    if (!under) return;
    const { row, text } = under;
    const transcript = make("p", { dir: "auto", textContent: points.text[row] || "No transcript" });
    const title = points.titles[points.recording[row]];
    const { by } = look;
    const fact = by === "modality" || by === "recording" ? "" : points.labels[by][points[by][row]];
    const kind = text ? "Text" : by === "modality" ? "Speech" : "";
    const facts = [kind, title === points.text[row] ? "" : title, clock(points.start[row]), fact];
    label.replaceChildren(transcript, make("small", { textContent: facts.filter(Boolean).join(" · ") }));
    const { left, top, width, height } = plot.getBoundingClientRect();
    const [px, py] = event ? [event.clientX - left, event.clientY - top] : [0, 0];
    const below = py + 18 + label.offsetHeight <= height;
    label.style.left = `${Math.max(8, Math.min(px + 14, width - label.offsetWidth - 8))}px`;
    label.style.top = `${below ? py + 18 : Math.max(8, py - 14 - label.offsetHeight)}px`;
  }

  return {
    flat,
    solid,
    label: tell,
    clear: () => svg.replaceChildren(),
    free() {
      svg.remove();
      label.remove();
    },
  };
}
