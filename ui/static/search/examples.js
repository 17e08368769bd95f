// @ts-check
/* The examples: one that is pressed is searched for. */

import { closest } from "../common/dom.js";
import { busy } from "./results.js";

/** @param {Component} component */
export function mount({ element, trigger }) {
  element.addEventListener("click", ({ target }) => {
    const index = Number(closest(target, "[data-example]")?.dataset.example);
    if (Number.isNaN(index)) return;
    busy();
    trigger("select", { index, value: index });
  });
}
