// @ts-check
/* The query string of the page's address, and what it holds: which tab is open, what Search asks (see ui/links.py), and
   how the open tab is set. */

export const FIRST = "search"; // the tab that is open where none is named
const SEARCH = new Set(
  "q query_language like library category language speaker recording tag from to meaning sort".split(" "),
);

/** @typedef {Record<string, string>} Settings by name, of which "" stands for nothing */
/** @typedef {{ tab: string, question: string, others: [string, string][] }} Address */

/**
 * What an address holds: the tab, what Search asks ("?q=storm", or ""), and what others have put there.
 * @param {string} search
 * @returns {Address}
 */
export function read(search) {
  const all = [...new URLSearchParams(search)];
  const asked = new URLSearchParams(all.filter(([name]) => SEARCH.has(name)));
  return {
    tab: new URLSearchParams(search).get("tab") || FIRST,
    question: asked.size ? `?${asked}` : "",
    others: all.filter(([name]) => name !== "tab" && !SEARCH.has(name)),
  };
}

/**
 * The address of a tab: while another one than Search is open, how that one is set stands over what Search asks.
 * @param {Address} address
 * @param {Settings} settings of the tab
 */
export function write({ tab, question, others }, settings) {
  const given = question + (others.length ? `&${new URLSearchParams(others)}` : "");
  return tab === FIRST ? changed(given, {}) : changed(given, { ...settings, tab });
}

/**
 * A query string with other settings.
 * @param {string} search
 * @param {Settings} settings
 */
export function changed(search, settings) {
  const all = new URLSearchParams(search);
  for (const [name, value] of Object.entries(settings)) value ? all.set(name, value) : all.delete(name);
  return all.size ? `?${all}` : "";
}

/**
 * Whether two query strings say the same by some names.
 * @param {string} one
 * @param {string} other
 * @param {string[]} names
 */
export function same(one, other, names) {
  const [first, second] = [new URLSearchParams(one), new URLSearchParams(other)];
  return names.every((name) => first.get(name) === second.get(name));
}
