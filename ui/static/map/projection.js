// @ts-check
/* Between places on the flat map and pixels of the plot, which has no margins. */

/** @typedef {[number, number]} Range from its lower to its upper end */
/** @typedef {{ x: Range, y: Range }} Ranges what of the map is in sight */
/** @typedef {{ width: number, height: number }} Size in pixels */

const MARGIN = 0.06; // around the points, of their extent
const EMPTY = 0.5; // around points that all lie in one place

/**
 * Ranges in which all points are in sight.
 * @param {Float32Array[]} places two coordinates for each
 * @returns {Ranges}
 */
export function extent(...places) {
  const range = (/** @type {number} */ axis) => {
    let [low, high] = [Infinity, -Infinity];
    for (const one of places)
      for (let n = axis; n < one.length; n += 2) {
        if (one[n] < low) low = one[n];
        if (one[n] > high) high = one[n];
      }
    if (low > high) [low, high] = [-1, 1];
    const margin = MARGIN * (high - low) || EMPTY;
    return /** @type {Range} */ ([low - margin, high + margin]);
  };
  return { x: range(0), y: range(1) };
}

/**
 * Pixels of a place (px, py): (ox + x · px, oy + y · py).
 * @param {Ranges} ranges
 * @param {Size} size
 */
export function projection(ranges, { width, height }) {
  const x = width / (ranges.x[1] - ranges.x[0]);
  const y = -height / (ranges.y[1] - ranges.y[0]);
  return { x, y, ox: -x * ranges.x[0], oy: -y * ranges.y[1] };
}

/**
 * Ranges that are larger by a factor, around what stays where it is.
 * @param {Ranges} ranges
 * @param {number} factor
 * @param {[number, number]} fixed its share of the width from the left, and of the height from below
 * @returns {Ranges}
 */
export function zoomed({ x, y }, factor, fixed) {
  const [left, bottom] = [x, y].map(([low, high], axis) => {
    const still = low + fixed[axis] * (high - low);
    return /** @type {Range} */ ([still + factor * (low - still), still + factor * (high - still)]);
  });
  return { x: left, y: bottom };
}

/**
 * Ranges as an event of Plotly's tells them: "xaxis.range" as a pair, or "xaxis.range[0]" and "xaxis.range[1]".
 * @param {Ranges} ranges those of before, for what it does not tell
 * @param {Record<string, any>} event
 * @returns {Ranges}
 */
export function changed(ranges, event) {
  const range = (/** @type {"x" | "y"} */ axis) => {
    const name = `${axis}axis.range`;
    const [low, high] = event[name] ?? [event[`${name}[0]`], event[`${name}[1]`]];
    return /** @type {Range} */ ([low ?? ranges[axis][0], high ?? ranges[axis][1]]);
  };
  return { x: range("x"), y: range("y") };
}
