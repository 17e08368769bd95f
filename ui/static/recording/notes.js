// @ts-check
/* Notes at moments of a recording: a list of them, and a dialog to write one. */

import { closest, find, part, parts } from "../common/dom.js";
import { clock } from "../common/format.js";
import { post } from "../common/post.js";

/** @typedef {{ note?: number, at?: number, text?: string | null, tags?: string }} Change */

/**
 * @param {HTMLElement} transcript
 * @param {(seconds: number) => void} go plays from a second
 * @returns {(seconds: number) => void} asks for a note at a second
 */
export function notes(transcript, go) {
  const box = find(document, ".notes");
  if (!box) return () => {};
  const fold = part(box, "details", HTMLDetailsElement);
  box.addEventListener("click", ({ target }) => {
    const at = closest(target, "[data-go]") && closest(target, "[data-moment]")?.dataset.moment;
    if (at) go(Number(at));
  });
  const { notes: address, recording } = box.dataset;
  if (!address) return () => {};
  const dialog = part(box, "dialog", HTMLDialogElement);
  const form = part(dialog, "form", HTMLFormElement);
  const text = part(form, "textarea", HTMLTextAreaElement);
  const tags = part(form, "input", HTMLInputElement);
  const wrong = part(form, ".wrong");
  const undo = part(box, "[data-undo]");
  /** @type {Change} */
  let asked = {}; // what the dialog is about
  /** @type {Change} */
  let removed = {}; // what can be brought back

  /**
   * Ask for a note, or for other words of one.
   * @param {Change} change
   * @param {string} heading
   */
  function ask(change, heading) {
    asked = change;
    part(dialog, "h2").textContent = heading;
    text.value = change.text ?? "";
    tags.value = change.tags ?? "";
    wrong.hidden = true;
    dialog.showModal();
    text.focus();
  }

  /**
   * Change something; gives what was wrong with that.
   * @param {Change} change
   * @param {string} done
   */
  async function send(change, done) {
    const reply = await post(/** @type {string} */ (address), { recording, ...change });
    part(/** @type {HTMLElement} */ (box), "[data-done]").textContent = reply.error ?? done;
    undo.hidden = reply.error !== undefined || change.text !== null;
    if (reply.error !== undefined) return reply.error;
    part(fold, "ul").innerHTML = reply.listed;
    part(fold, "[data-count]").textContent = String(reply.count);
    fold.hidden = !reply.count;
    for (const old of parts(transcript, ".note")) old.remove();
    for (const [segment, html] of Object.entries(reply.lines))
      find(transcript, `li[data-segment="${segment}"] > div`)?.insertAdjacentHTML("beforeend", html);
    return "";
  }

  async function save() {
    const change = { ...asked, text: text.value, tags: tags.value };
    const error = await send(change, change.note === undefined ? "Note added." : "Note saved.");
    wrong.textContent = error;
    wrong.hidden = !error;
    if (!error) dialog.close();
  }

  /** @param {HTMLElement} item of the list */
  const noted = ({ dataset: { note, moment, text, tags } }) => ({ note: Number(note), at: Number(moment), text, tags });

  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // none of it is for the player
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  box.addEventListener("click", async ({ target }) => {
    const item = closest(target, "li[data-note]");
    if (closest(target, "[data-close]")) dialog.close();
    else if (closest(target, "[data-undo]")) await send(removed, "The note is back.");
    else if (item && closest(target, "[data-note-edit]")) ask(noted(item), `Note at ${clock(noted(item).at)}`);
    else if (item && closest(target, "[data-note-remove]")) {
      const { note, ...rest } = noted(item);
      removed = rest;
      await send({ note, text: null }, "Note deleted.");
      if (!undo.hidden) undo.focus();
    }
  });
  return (seconds) => ask({ at: seconds }, `Note at ${clock(seconds)}`);
}
