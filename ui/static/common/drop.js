// @ts-check
/* Files may be dropped anywhere: on the Library tab they are chosen to be added, elsewhere one of them is searched for. */

import { open } from "./address.js";
import { find, make } from "./dom.js";
import { FIRST } from "./query.js";

const TRIES = 60; // frames within which the recorder takes files

export function mount() {
  const hint = make("p", { className: "dropping", hidden: true });
  document.body.append(hint);
  const adds = () => find(document, "#library-files")?.checkVisibility() ?? false;

  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    hint.textContent = adds() ? "Drop recordings to add them" : "Drop a recording to search for what it says";
    hint.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) hint.hidden = true; // out of the window
  });
  document.addEventListener(
    "drop",
    (event) => {
      hint.hidden = true;
      const files = event.dataTransfer?.files;
      if (!files?.length) return;
      event.preventDefault();
      event.stopPropagation(); // what lies below would take them as well
      if (adds()) give("#library-files", files);
      else search(files);
    },
    true,
  );
}

/**
 * Search for what a recording says.
 * @param {FileList} files of which the first counts
 */
function search(files) {
  open(FIRST);
  const one = new DataTransfer();
  one.items.add(files[0]);
  find(document, '#recording [aria-label="Clear"]')?.click(); // an earlier one
  find(document, '#recording [aria-label="Upload file"]')?.click();
  give("#recording", one.files);
}

/**
 * Put files into a component of Gradio, as soon as it takes some.
 * @param {string} component
 * @param {FileList} files
 */
function give(component, files, tries = TRIES) {
  const input = find(document, `${component} input[type=file]`, HTMLInputElement);
  if (!input) {
    if (tries) requestAnimationFrame(() => give(component, files, tries - 1));
    return;
  }
  input.files = files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}
