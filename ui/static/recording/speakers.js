// @ts-check
/* Who speaks in the utterances of a recording: named, or somebody else, and taken back with one press. */

import { closest, find, make, part, parts } from "../common/dom.js";
import { post } from "../common/post.js";

/** @typedef {{ speaker: string, guessed: boolean, name: string, colour: number | null }} Line as the server shows it */
/** @typedef {{ before: Record<string, [string, string]>, lines: Record<string, Line>, names: string[] }} Changed */

const SHOWN = 20_000; // milliseconds in which a change can be taken back
const UNKNOWN = "Who speaks?";

/** @param {HTMLElement} box the transcript */
export function speakers(box) {
  const dialog = find(document, "[data-who]", HTMLDialogElement);
  if (!dialog) return; // this library cannot be changed
  const form = part(dialog, "form", HTMLFormElement);
  const name = part(form, "input[name=to]", HTMLInputElement);
  const problem = part(form, ".problem");
  const undo = part(document, ".undo");
  const opener = make("button", { type: "button", className: "who-speaks" });
  opener.setAttribute("aria-haspopup", "dialog");
  /** @type {HTMLElement | null} */
  let line = null; // whose speaker is asked for
  let timer = 0;

  /** @param {HTMLElement} li */
  const speaker = (li) => li.dataset.speaker ?? "";

  /** @param {HTMLElement | null} li */
  function offer(li) {
    if (!li || opener.parentElement?.parentElement === li) return;
    opener.textContent = opener.title = speaker(li) || UNKNOWN;
    opener.setAttribute("aria-label", `Change who speaks here: ${speaker(li) || "not known"}`);
    part(li, "div").append(opener);
  }

  /** @param {HTMLElement} li */
  function ask(li) {
    line = li;
    const known = speaker(li);
    part(form, "h2").textContent = known || UNKNOWN;
    part(form, "[data-all]").hidden = !known;
    part(form, "[data-else]").hidden = !known;
    part(form, `input[value=${known ? "all" : "one"}]`, HTMLInputElement).checked = true;
    name.value = "guessed" in li.dataset ? "" : known;
    name.placeholder = known;
    problem.textContent = "";
    dialog?.showModal();
    name.focus();
    name.select(); // what is typed replaces it
  }

  /**
   * The utterances of the line's speaker from there on, or that one alone.
   * @param {string} scope
   */
  function segments(scope) {
    const all = parts(box, "li[data-segment]");
    const first = all.indexOf(/** @type {HTMLElement} */ (line));
    const chosen = scope === "one" ? all.slice(first, first + 1) : all.slice(first);
    const whose = line && speaker(line);
    return chosen.filter((li) => speaker(li) === whose).map((li) => Number(li.dataset.segment));
  }

  /**
   * Have the server change something; the problem is shown if it cannot.
   * @param {object} change
   * @param {string} done what has been done
   */
  async function send(change, done) {
    const { address = "", recording } = dialog?.dataset ?? {};
    const answer = await post(address, { recording, ...change });
    if (answer.error !== undefined) {
      problem.textContent = answer.error;
      return;
    }
    show(/** @type {Changed} */ (answer));
    dialog?.close();
    report(done, answer.before);
  }

  /** @param {Changed} changed */
  function show({ lines, names }) {
    for (const li of parts(box, "li[data-segment]")) {
      const now = lines[li.dataset.segment ?? ""];
      if (!now) continue;
      li.dataset.speaker = now.speaker;
      li.toggleAttribute("data-guessed", now.guessed);
      li.style.setProperty("--speaker", now.colour === null ? "transparent" : `var(--category-${now.colour})`);
      find(li, ".speaker")?.remove();
      if (now.name) part(li, "div").prepend(make("b", { className: "speaker", dir: "auto" }, now.name));
    }
    part(form, "datalist").replaceChildren(...names.map((value) => make("option", { value })));
    opener.remove();
    if (line) offer(line);
  }

  /**
   * @param {string} done
   * @param {Changed["before"]} before what takes it back; nothing if it was taken back
   */
  function report(done, before) {
    part(undo, "span").textContent = done;
    part(undo, "button").hidden = !Object.keys(before).length;
    part(undo, "button").onclick = () => send({ before }, "Taken back.");
    undo.hidden = false;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (!undo.matches(":focus-within")) undo.hidden = true;
    }, SHOWN);
    opener.focus({ preventScroll: true });
  }

  for (const event of ["pointerover", "focusin"])
    box.addEventListener(event, ({ target }) => offer(closest(target, "li[data-segment]")));

  box.addEventListener("click", (event) => {
    const li = closest(event.target, "li[data-segment]");
    if (!li || !closest(event.target, ".who-speaks, .speaker")) return;
    event.preventDefault(); // it does not play
    ask(li);
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const to = name.value.trim();
    const scope = String(new FormData(form).get("scope"));
    if (!to) {
      problem.textContent = "Enter a name.";
      name.focus();
    } else if (scope === "all") send({ name: line && speaker(line), to }, `Named ${to}.`);
    else send({ segments: segments(scope), to }, `Named ${to}.`);
  });

  form.addEventListener("click", ({ target }) => {
    const fresh = closest(target, "[data-new]")?.dataset.new;
    if (fresh) send({ segments: segments(fresh), to: "" }, "Split off as somebody else.");
    else if (closest(target, "[data-close]")) dialog.close();
  });

  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // Escape does not leave the page
}
