/* The legend of the map: what the colours mean, as switches. What is switched off is drawn faint and not listed. */
"use strict";

clasp.maplegend = (box, { changed, turn }) => {
  const OTHERS = -1; // code of what is held together in one entry

  let points = null;
  let by = "category";
  let texts = false; // whether they are drawn
  let off = new Set(); // codes that are switched off
  let extra = null; // a code that has an entry of its own though the drawing counts it among the others
  let listed = new Map(); // colours of the entries, by code

  /* Show what `look` colours the points by; `entries` are the drawing's: [{code, label, colour, count}]. */
  function draw(entries, next, look) {
    [points, by, texts] = [next, look.by, look.texts];
    listed = new Map(entries.map((one) => [one.code, one.colour]));
    const others = entries.find((one) => one.code === OTHERS);
    if (extra !== null && !listed.has(extra) && others) {
      const count = points[by].reduce((sum, code) => sum + (code === extra), 0);
      const own = { code: extra, label: points.labels[by][extra], colour: others.colour, count };
      entries = [own, ...entries.map((one) => (one === others ? { ...one, count: one.count - count } : one))];
      listed.set(extra, others.colour);
    } else extra = null;
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.code : undefined;
    const all = Object.assign(document.createElement("li"), { className: "explore-all" });
    all.append(Object.assign(document.createElement("button"), { type: "button", textContent: "Show all" }));
    box.replaceChildren(...entries.map(entry), all);
    if (focused !== undefined) box.querySelector(`[data-code="${focused}"]`)?.focus();
    tick();
  }

  function entry({ code, label, colour, count }) {
    const make = (tag, facts) => Object.assign(document.createElement(tag), facts);
    const button = make("button", { type: "button", disabled: by === "modality" && code === 0 }); // speech is always there
    button.setAttribute("role", "switch");
    button.dataset.code = code;
    const name = make("span", { textContent: label || "Not stated", dir: "auto" });
    button.append(make("i", {}), name, make("small", { textContent: count.toLocaleString("en") }));
    button.firstChild.style.background = colour;
    const item = make("li", {});
    item.append(button);
    return item;
  }

  function tick() {
    for (const button of box.querySelectorAll("[data-code]")) {
      const code = Number(button.dataset.code);
      button.setAttribute("aria-checked", by === "modality" ? code === 0 || texts : !off.has(code));
    }
    box.querySelector(".explore-all").hidden = off.size === 0;
  }

  /* The entry that a point belongs to. */
  function code(row) {
    const own = by === "modality" ? 0 : points[by][row];
    return listed.has(own) ? own : OTHERS;
  }
  const passes = (row) => by === "modality" || !off.has(code(row));
  const colour = (row) => listed.get(code(row));

  /* Nothing is switched off any more. */
  function clear() {
    off.clear();
    extra = null;
  }

  /* Only this code is to be shown, in an entry of its own: before `draw`, and after it. */
  const prepare = (code) => ([off, extra] = [new Set(), code]);
  function only(code) {
    off = new Set([...listed.keys()].filter((one) => one !== code));
    tick();
  }

  box.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    const code = Number(button.dataset.code);
    if (button.parentNode.matches(".explore-all")) {
      box.querySelector("[data-code]").focus();
      off.clear();
    } else if (by === "modality") return turn();
    else off.has(code) ? off.delete(code) : off.add(code);
    tick();
    changed();
  });

  /* What is switched off, as the address has it: 0.4.-1, or 0.4.-1_23 with the entry of its own. */
  const written = () => (off.size ? [...off].join(".") + (extra === null ? "" : `_${extra}`) : "");
  function read(text) {
    const [codes, own] = text.split("_");
    off = new Set(codes.split(".").filter(Boolean).map(Number));
    extra = own ? Number(own) : null;
  }

  /* Which points are drawn in full, a Uint8Array; null: all. */
  const shown = () => (off.size ? Uint8Array.from({ length: points.count }, (_, row) => passes(row)) : null);

  return { draw, passes, colour, shown, prepare, only, clear, written, read };
};
