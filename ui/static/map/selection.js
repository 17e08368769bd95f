// @ts-check
/* What a lasso or a box around a part of the map selects. */

/** @typedef {(x: number, y: number) => boolean} Region whether a place lies in it */
/** @typedef {{ x: number[], y: number[] }} Corners */

/**
 * What Plotly's event of a selection surrounds; null where nothing is.
 * @param {{ lassoPoints?: Corners, range?: Corners } | undefined} event
 * @returns {Region | null}
 */
export function surrounded(event) {
  if (event?.lassoPoints) return polygon(event.lassoPoints);
  return event?.range ? box(event.range) : null;
}

/**
 * A box of two corners that lie opposite each other.
 * @param {Corners} corners
 * @returns {Region}
 */
export function box({ x, y }) {
  const [left, right] = [Math.min(...x), Math.max(...x)];
  const [bottom, top] = [Math.min(...y), Math.max(...y)];
  return (px, py) => px >= left && px <= right && py >= bottom && py <= top;
}

/**
 * A polygon: a place lies in it if a ray from there crosses its edge an odd number of times.
 * @param {Corners} corners
 * @returns {Region}
 */
export const polygon =
  ({ x, y }) =>
  (px, py) => {
    let inside = false;
    for (let n = 0, m = x.length - 1; n < x.length; m = n++)
      if (y[n] > py !== y[m] > py && px < ((x[m] - x[n]) * (py - y[n])) / (y[m] - y[n]) + x[n]) inside = !inside;
    return inside;
  };

/**
 * The rows whose place lies in a region.
 * @param {Float32Array} flat two coordinates for each row
 * @param {Region} region
 * @param {(row: number) => boolean} passes of which rows
 */
export function rowsIn(flat, region, passes) {
  const rows = [];
  for (let row = 0; 2 * row < flat.length; row++)
    if (passes(row) && region(flat[2 * row], flat[2 * row + 1])) rows.push(row);
  return rows;
}
