// @ts-check
/* What the colours of a map's points mean. */

import { colour } from "../common/dom.js";

export const OTHERS = -1; // code of all that have no colour of their own
const MOST = 15; // colours
const FAINT = 0.1; // opacity of what is not shown

/**
 * An entry of the legend: its colour by name, "--accent", or how late it is, from 0 to 1.
 * @typedef {{ code: number, label: string, paint: string | number, count: number }} Entry
 */
/** @typedef {{ entries: Entry[], number: (row: number) => number }} Classes entries, and which one a row belongs to */

/** @param {MapPoints} points */
export function colours(points) {
  /** @type {Map<Look["by"], Classes>} */
  const known = new Map(); // by what they are of

  /**
   * The classes of a fact: the entries of the legend, the most frequent ones where there are many.
   * @param {Look["by"]} by
   */
  function classes(by) {
    const found = known.get(by) ?? (by === "modality" ? modality() : by === "date" ? temporal() : factual(by));
    known.set(by, found);
    return found;
  }

  /** @returns {Classes} */
  function modality() {
    const written = points.flatText.reduce((sum, x, n) => sum + Number(n % 2 === 0 && !Number.isNaN(x)), 0);
    const entries = [
      { code: 0, label: "Speech", paint: "--category-7", count: points.count },
      { code: 1, label: "Text", paint: "--category-2", count: written },
    ];
    return { entries, number: () => 0 };
  }

  /**
   * Dates from the first to the last: what comes later has a later colour.
   * @returns {Classes}
   */
  function temporal() {
    const names = points.labels.date;
    const counts = tally("date");
    const dated = names.map((_, code) => code).filter((code) => names[code]);
    /** @type {Entry[]} */
    const entries = dated.map((code, n) => {
      const paint = n / Math.max(1, dated.length - 1);
      return { code, label: names[code], paint, count: counts[code] };
    });
    const number = new Uint8Array(names.length).fill(entries.length);
    for (const [n, code] of dated.entries()) number[code] = n;
    const undated = names.indexOf("");
    if (undated >= 0) entries.push({ code: undated, label: "Not stated", paint: "--edge", count: counts[undated] });
    return { entries, number: (row) => number[points.date[row]] };
  }

  /**
   * How many points have each code.
   * @param {Fact} by
   */
  function tally(by) {
    const counts = new Uint32Array(points.labels[by].length);
    for (const code of points[by]) counts[code]++;
    return counts;
  }

  /**
   * @param {Fact} by
   * @returns {Classes}
   */
  function factual(by) {
    const [codes, names] = [points[by], points.labels[by]];
    const counts = tally(by);
    let listed = names.map((_, code) => code).filter((code) => counts[code]);
    const more = listed.length > MOST;
    if (more) listed = listed.sort((one, other) => counts[other] - counts[one] || one - other).slice(0, MOST - 1);
    const entries = listed.map((code, n) => {
      if (!names[code]) return { code, label: "Not stated", paint: "--edge", count: counts[code] };
      // few have the colour of their place, as on the cards, whatever else is there
      const own = more ? n : names.slice(0, code).filter(Boolean).length % MOST;
      return { code, label: names[code], paint: `--category-${own}`, count: counts[code] };
    });
    const number = new Uint8Array(names.length).fill(entries.length);
    for (const [n, code] of listed.entries()) number[code] = n;
    if (more) {
      const rest = points.count - entries.reduce((sum, { count }) => sum + count, 0);
      entries.push({ code: OTHERS, label: "Others", paint: "--edge", count: rest });
    }
    return { entries, number: (row) => number[codes[row]] };
  }

  /**
   * A number per point that stands for its colour on the scale: an even one in full, the next one faint, as what does
   * not pass is, and where some are chosen all the others.
   * @param {Look["by"]} by
   * @param {boolean} text of the texts, or of the speech
   * @param {(row: number) => boolean} passes
   * @param {number[] | null} chosen
   */
  function numbers(by, text, passes, chosen) {
    const { number } = classes(by);
    const full = chosen && new Set(chosen);
    return Float32Array.from({ length: points.count }, (_, row) => {
      const own = by === "modality" ? Number(text) : number(row);
      return 2 * own + (passes(row) && (!full || full.has(row)) ? 0 : 1);
    });
  }

  /**
   * The scale, as Plotly takes it. On the solid map nothing shines through: what is faint is mixed with the ground.
   * @param {Look["by"]} by
   * @param {boolean} solid
   * @param {number} opacity
   */
  function scale(by, solid, opacity) {
    const ground = channels(colour("--card"));
    const steps = classes(by).entries.flatMap(({ paint }) => {
      const full = rgb(paint);
      const mixed = full.map((channel, n) => Math.round(FAINT * channel + (1 - FAINT) * ground[n]));
      return [`rgba(${full}, ${opacity})`, solid ? `rgb(${mixed})` : `rgba(${full}, ${FAINT})`];
    });
    const width = 1 / steps.length;
    return {
      cmin: -0.5,
      cmax: steps.length - 0.5,
      colorscale: steps.flatMap((css, n) => [
        [n * width, css],
        [(n + 1) * width, css],
      ]),
      showscale: false,
    };
  }

  /**
   * @param {Look["by"]} by
   * @returns {LegendEntry[]}
   */
  const legend = (by) => classes(by).entries.map(({ paint, ...entry }) => ({ ...entry, colour: css(paint) }));

  return { numbers, scale, legend };
}

/**
 * A colour as a style has it, in which it follows the theme.
 * @param {Entry["paint"]} paint
 */
const css = (paint) =>
  typeof paint === "string" ? `var(${paint})` : `color-mix(in srgb, var(--late) ${100 * paint}%, var(--early))`;

/**
 * The same as numbers, at this moment.
 * @param {Entry["paint"]} paint
 */
function rgb(paint) {
  if (typeof paint === "string") return channels(colour(paint));
  const late = channels(colour("--late"));
  return channels(colour("--early")).map((channel, n) => Math.round((1 - paint) * channel + paint * late[n]));
}

/**
 * "#rrggbb" or "rgb(r, g, b)" as numbers.
 * @param {string} css
 */
function channels(css) {
  if (css.startsWith("#")) return [1, 3, 5].map((at) => Number.parseInt(css.slice(at, at + 2), 16));
  return (css.match(/[\d.]+/g) ?? [0, 0, 0]).slice(0, 3).map(Number);
}
