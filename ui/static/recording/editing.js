// @ts-check
/* Correct the transcript of a recording, an utterance at a time. */

import { closest, copy, find, part, parts } from "../common/dom.js";
import { post } from "../common/post.js";

/** @typedef {{ transcript: string, html: string, words: import("./words.js").Word[] }} Corrected as the server sends it */

/**
 * @param {HTMLElement} box
 * @param {ReturnType<typeof import("./transcript.js").transcript>} transcript
 * @param {() => void} leave called before a line is edited: the sound is no longer followed
 * @returns {() => void} edits the line that has the focus, or plays, or is in sight
 */
export function editor(box, transcript, leave) {
  const address = find(box, "[data-corrections]", HTMLTemplateElement)?.dataset.corrections;
  if (!address) return () => {};
  const status = part(box, "[data-edited]");
  const { lines } = transcript;
  const numbers = new Map(lines.map(({ node }, n) => [node, n]));

  /**
   * Put a form in the place of a line's transcript.
   * @param {number} n of the line
   */
  function open(n) {
    const { node, text } = lines[n];
    const there = find(node, ".editing textarea");
    if (there) return there.focus();
    leave();
    const paragraph = part(node, ".transcript");
    const form = copy(box, "[data-corrections]");
    const area = part(form, "textarea", HTMLTextAreaElement);
    const fit = () => {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight + 2}px`;
    };
    area.value = area.defaultValue = text;
    area.lang = paragraph.lang;
    area.addEventListener("input", fit);
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close(n);
      else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(n, form);
      else return;
      event.preventDefault();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      save(n, form);
    });
    paragraph.hidden = true;
    paragraph.after(form);
    fit();
    area.focus();
  }

  /**
   * @param {number} n of the line
   */
  function close(n) {
    const { node } = lines[n];
    const focused = node.contains(document.activeElement);
    find(node, ".editing")?.remove();
    part(node, ".transcript").hidden = false;
    if (focused) part(node, "[data-edit]").focus({ preventScroll: true });
  }

  /**
   * @param {number} n of the line
   * @param {HTMLElement} form
   */
  async function save(n, form) {
    const area = part(form, "textarea", HTMLTextAreaElement);
    const before = area.defaultValue;
    if (area.value.trim() === lines[n].text) return close(n);
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    const wrong = await change(n, area.value, before);
    form.ariaBusy = "false";
    if (!wrong) return;
    const { error = "", transcript: now } = wrong;
    const notice = part(form, ".wrong");
    notice.textContent = now === undefined ? error : `Changed meanwhile to “${now}”. Save again to replace that.`;
    notice.hidden = false;
    if (now !== undefined) area.defaultValue = now;
  }

  /**
   * Correct a line, or take its correction back; gives what was wrong with that.
   * @param {number} n of the line
   * @param {string | null} text
   * @param {string} before
   */
  async function change(n, text, before) {
    const { node } = lines[n];
    const reply = await post(/** @type {string} */ (address), { segment: Number(node.dataset.segment), text, before });
    if (reply.error !== undefined) return reply;
    show(n, /** @type {Corrected} */ (reply));
    status.textContent = text === null ? "The correction was taken back" : "Saved";
    return null;
  }

  /**
   * @param {number} n of the line
   * @param {Corrected} corrected
   */
  function show(n, corrected) {
    const { node } = lines[n];
    const focused = node.contains(document.activeElement);
    for (const old of parts(node, ".editing, .by-machine, .corrected")) old.remove();
    part(node, ".transcript").outerHTML = corrected.html;
    transcript.replace(n, corrected.transcript, corrected.words);
    if (focused) part(node, "[data-edit]").focus({ preventScroll: true });
  }

  /** @param {EventTarget | null} target */
  const lineOf = (target) => numbers.get(/** @type {HTMLElement} */ (closest(target, "li[data-segment]"))) ?? -1;

  box.addEventListener("click", async ({ target }) => {
    const n = lineOf(target);
    if (closest(target, "[data-edit]")) open(n);
    else if (closest(target, "[data-cancel]")) close(n);
    else if (closest(target, "[data-take-back]")) {
      const wrong = await change(n, null, lines[n].text);
      if (wrong) status.textContent = wrong.error ?? "";
    }
  });
  window.addEventListener("beforeunload", (event) => {
    const areas = [...box.querySelectorAll("textarea")];
    if (areas.some((area) => area.value !== area.defaultValue)) event.preventDefault();
  });

  return () => {
    const middle = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
    const n = [lineOf(document.activeElement), transcript.current(), lineOf(middle), 0].find((n) => n >= 0) ?? 0;
    if (!lines.length) return;
    transcript.reveal(n);
    open(n);
  };
}
