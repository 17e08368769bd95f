// @ts-check
/* The points of a library's map, as the server sends them: what is packed how, index/map/wire.py says. */

const ONE = 32_767; // of a packed coordinate
const NOWHERE = -32_768;
/** @type {Record<string, new (bytes: ArrayBuffer, first: number, count: number) => ArrayLike<number>>} */
const KINDS = {
  float64: Float64Array,
  float32: Float32Array,
  int16: Int16Array,
  int32: Int32Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
};
/** @type {Map<string, Promise<MapPoints>>} */
const known = new Map();

/**
 * Those of the library that `key` stands for; fetched once, until they are forgotten.
 * @param {string} key
 */
export function fetchPoints(key) {
  const found = known.get(key) ?? fetched(key);
  known.set(key, found);
  return found;
}

/** @param {string} key */
export const forget = (key) => known.delete(key);

/** @param {string} key */
async function fetched(key) {
  try {
    const reply = await fetch(`map/${encodeURIComponent(key)}`).catch(() => {
      throw new Error("The map could not be fetched: is the server still running?");
    });
    if (reply.ok) return unpack(await reply.arrayBuffer(), key);
    const { error } = await reply.json().catch(() => ({}));
    throw new Error(error ?? "The map could not be fetched.");
  } catch (error) {
    forget(key);
    throw error;
  }
}

/**
 * The length of a head (uint32), the head as JSON, and the columns, one after the other.
 * @param {ArrayBuffer} bytes
 * @param {string} key of the library
 * @returns {MapPoints}
 */
export function unpack(bytes, key) {
  const length = new DataView(bytes).getUint32(0, true);
  const { columns, ...head } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
  /** @type {Record<string, any>} */
  const column = {};
  for (const [name, [kind, first, count]] of Object.entries(columns))
    column[name] = new KINDS[kind](bytes, 4 + length + first, count);
  const { flat, solid, flat_text, solid_text, ...rest } = column;
  /** @type {Map<number, number>} */
  const rows = new Map();
  for (const [row, id] of rest.id.entries()) rows.set(id, row);
  const path = (/** @type {number} */ row) =>
    `${encodeURIComponent(key)}/${encodeURIComponent(head.names.recording[rest.recording[row]])}`;
  return {
    key,
    ...head,
    ...rest,
    flat: coordinates(flat),
    solid: coordinates(solid),
    flatText: coordinates(flat_text),
    solidText: coordinates(solid_text),
    row: (/** @type {number} */ id) => rows.get(id),
    page: (/** @type {number} */ row) => `recording/${path(row)}#t=${rest.start[row].toFixed(1)}`,
    sound(/** @type {number} */ row, /** @type {number} */ around) {
      return {
        src: `audio/${path(row)}`,
        start: Math.max(0, rest.start[row] - around),
        end: rest.end[row] + around,
      };
    },
  };
}

/** @param {Int16Array} packed */
const coordinates = (packed) => Float32Array.from(packed, (step) => (step === NOWHERE ? NaN : step / ONE));
