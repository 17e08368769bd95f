// @ts-check
/* Words of a transcript: where they stand in it, when they are spoken, and where something is found among them. */

/** @typedef {[text: string, start: number, unsure: boolean]} Word as the server sends it, start in seconds */
/** @typedef {{ from: number, to: number }} Span of a text, in characters */
/** @typedef {Span & { word: number, found: boolean }} Piece of a text; word: its number, -1 between words */

/**
 * The last of some ascending numbers that is not above another one: its place, or -1.
 * @param {ArrayLike<number>} numbers
 * @param {number} most
 */
export function last(numbers, most) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= most) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Where each word stands in a text; null where it does not.
 * @param {string} text
 * @param {readonly string[]} words in the order of the text
 * @returns {(Span | null)[]}
 */
export function placed(text, words) {
  let after = 0;
  return words.map((one) => {
    const word = one.trim();
    const from = word ? text.indexOf(word, after) : -1;
    if (from < 0) return null;
    after = from + word.length;
    return { from, to: after };
  });
}

/**
 * A text as it is searched, in small letters without accents, and where each of its characters stands in the original.
 * @param {string} text
 * @returns {{ plain: string, at: number[] }}
 */
export function plain(text) {
  let found = "";
  /** @type {number[]} */
  const at = [];
  let place = 0;
  for (const letter of text) {
    const simple = letter.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    found += simple;
    for (let n = 0; n < simple.length; n++) at.push(place);
    place += letter.length;
  }
  return { plain: found, at: [...at, place] };
}

/**
 * Where something is found in a text, see `plain`; nothing is found nowhere.
 * @param {ReturnType<typeof plain>} text
 * @param {string} sought
 * @returns {Span[]}
 */
export function occurrences(text, sought) {
  const wanted = plain(sought).plain;
  /** @type {Span[]} */
  const found = [];
  if (!wanted) return found;
  for (let n = text.plain.indexOf(wanted); n >= 0; n = text.plain.indexOf(wanted, n + wanted.length))
    found.push({ from: text.at[n], to: text.at[n + wanted.length] });
  return found;
}

/**
 * A text cut where words, and what was found, begin and end.
 * @param {number} length of the text
 * @param {readonly (Span | null)[]} words in the order of the text
 * @param {readonly Span[]} found likewise
 * @returns {Piece[]}
 */
export function pieces(length, words, found) {
  const edges = new Set([0, length]);
  for (const span of [...words, ...found]) if (span) edges.add(span.from).add(span.to);
  const sorted = [...edges].sort((one, other) => one - other);
  const within = (/** @type {Span | null} */ span, /** @type {number} */ place) =>
    span !== null && span.from <= place && place < span.to;
  return sorted.slice(0, -1).map((from, n) => ({
    from,
    to: sorted[n + 1],
    word: words.findIndex((word) => within(word, from)),
    found: found.some((span) => within(span, from)),
  }));
}

/**
 * The moment that an address names, "#t=61.2", in seconds; null if it names none.
 * @param {string} hash
 */
export function moment(hash) {
  const seconds = Number(/^#t=(\d+(?:\.\d+)?)$/.exec(hash)?.[1] ?? NaN);
  return Number.isFinite(seconds) ? seconds : null;
}
