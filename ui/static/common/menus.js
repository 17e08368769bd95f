// @ts-check
/* Menus, which a click elsewhere and the Escape key close. */

import { find, parts } from "./dom.js";

export function mount() {
  document.addEventListener("click", ({ target }) => {
    for (const menu of parts(document, ".menu[open]"))
      if (!(target instanceof Node && menu.contains(target))) close(menu);
  });
  document.addEventListener("keydown", (event) => {
    const [menu] = event.key === "Escape" ? parts(document, ".menu[open]") : [];
    if (!menu) return;
    event.preventDefault();
    closeToPress(menu);
  });
}

/** @param {Element} menu */
const close = (menu) => menu.removeAttribute("open");

/**
 * Close a menu, with the focus on what opens it.
 * @param {Element | null} menu
 */
export function closeToPress(menu) {
  if (!menu) return;
  close(menu);
  find(menu, "summary")?.focus();
}
