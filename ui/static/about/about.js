// @ts-check
/* The About tab: addresses of this server as others need them, in full. */

import { parts } from "../common/dom.js";

/** @param {Component} component */
export function mount({ element, watch }) {
  function complete() {
    for (const one of parts(element, "[data-address]"))
      one.textContent = new URL(one.dataset.address ?? "", document.baseURI).href;
  }
  complete();
  watch("value", complete);
}
