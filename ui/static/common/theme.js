// @ts-check
/* Light and dark: as the system has it, until a person chooses. */

import { closest } from "./dom.js";

const THEME = "clasp-theme"; // what was chosen, in the browser's storage; theme.py reads it, too

/** Take up what was chosen earlier, and what is chosen with the button. */
export function mount() {
  const chosen = localStorage.getItem(THEME);
  if (chosen && !new URLSearchParams(location.search).has("__theme")) dress(chosen === "dark");
  document.addEventListener("click", ({ target }) => {
    if (!closest(target, "[data-theme-toggle]")) return;
    const dark = !document.body.classList.contains("dark");
    localStorage.setItem(THEME, dark ? "dark" : "light");
    dress(dark);
  });
}

/** @param {boolean} dark */
const dress = (dark) => document.body.classList.toggle("dark", dark);
