// @ts-check
/* Files that the server has made. */

import { make } from "./dom.js";

/**
 * Save one of Gradio's files.
 * @param {{ url: string, orig_name: string }} file
 */
export function download(file) {
  const link = make("a", { href: file.url, download: file.orig_name });
  document.body.append(link);
  link.click();
  link.remove();
}
