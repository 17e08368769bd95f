/* What the colours of a map's points mean. */
"use strict";

window.clasp ??= {};

clasp.colours = (points) => {
  const MOST = 15; // colours
  const OTHERS = -1; // code of all that have none of their own
  const FAINT = 0.1; // opacity of what is not shown

  const known = new Map(); // classes, by what they are of
  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

  /* The classes of a category, language, voice, recording or "modality": the entries of the legend, the most frequent
     ones where there are many, and for every row the number of its entry. */
  function classes(by) {
    if (!known.has(by)) known.set(by, by === "modality" ? modality() : facts(by));
    return known.get(by);
  }

  function modality() {
    const written = points.flatText.reduce((sum, x, n) => sum + (n % 2 === 0 && !Number.isNaN(x)), 0);
    const entries = [
      { code: 0, label: "Speech", paint: "--category-7", count: points.count },
      { code: 1, label: "Text", paint: "--category-2", count: written },
    ];
    return { entries, number: () => 0 };
  }

  function facts(by) {
    const [codes, names] = [points[by], points.labels[by]];
    const counts = new Uint32Array(names.length);
    for (const code of codes) counts[code]++;
    let listed = names.map((_, code) => code).filter((code) => counts[code]);
    const more = listed.length > MOST;
    if (more) listed = listed.sort((one, other) => counts[other] - counts[one] || one - other).slice(0, MOST - 1);
    const entries = listed.map((code, n) => {
      const own = more ? n : code % MOST; // few have the colour of their place, whatever else is there
      return { code, label: names[code] || "Not stated", paint: `--category-${own}`, count: counts[code] };
    });
    const number = new Uint8Array(names.length).fill(entries.length);
    listed.forEach((code, n) => (number[code] = n));
    if (more) {
      const rest = points.count - entries.reduce((sum, { count }) => sum + count, 0);
      entries.push({ code: OTHERS, label: "Others", paint: "--edge", count: rest });
    }
    return { entries, number: (row) => number[codes[row]] };
  }

  /* A number per point, speech or text, that stands for its colour on the scale: an even one in full, the next one faint,
     as what does not pass is, and where some are chosen all the others. */
  function numbers(by, text, passes, chosen) {
    const { number } = classes(by);
    const full = chosen && new Set(chosen);
    return Float32Array.from({ length: points.count }, (_, row) => {
      const own = by === "modality" ? text : number(row);
      return 2 * own + (passes(row) && (!full || full.has(row)) ? 0 : 1);
    });
  }

  /* The scale, as Plotly takes it. On the solid map nothing shines through: what is faint is mixed with the ground. */
  function scale(by, solid, opacity) {
    const ground = parts(colour("--card"));
    const steps = classes(by).entries.flatMap(({ paint }) => {
      const full = parts(colour(paint));
      const mixed = full.map((part, n) => Math.round(FAINT * part + (1 - FAINT) * ground[n]));
      return [`rgba(${full}, ${opacity})`, solid ? `rgb(${mixed})` : `rgba(${full}, ${FAINT})`];
    });
    const width = 1 / steps.length;
    return {
      cmin: -0.5,
      cmax: steps.length - 0.5,
      colorscale: steps.flatMap((css, n) => [[n * width, css], [(n + 1) * width, css]]),
      showscale: false,
    };
  }

  /* "#rrggbb" or "rgb(r, g, b)" as numbers. */
  function parts(css) {
    if (css.startsWith("#")) return [1, 3, 5].map((at) => parseInt(css.slice(at, at + 2), 16));
    return (css.match(/[\d.]+/g) ?? [0, 0, 0]).slice(0, 3).map(Number);
  }

  /* Entries of the legend: {code, label, colour, count}. */
  const legend = (by) => classes(by).entries.map(({ paint, ...entry }) => ({ ...entry, colour: `var(${paint})` }));

  return { numbers, scale, legend };
};
