/* What a lasso or a box selects, and where places of the map are on the plot. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, extent, projection, zoomed } from "../../../ui/static/map/projection.js";
import { box, polygon, rowsIn, surrounded } from "../../../ui/static/map/selection.js";

/** Numbers from 0 to 1, the same ones in every run. */
function* numbers(seed) {
  let state = seed;
  while (true) {
    state = (1_664_525 * state + 1_013_904_223) % 2 ** 32;
    yield state / 2 ** 32;
  }
}

const random = numbers(7);
const next = () => random.next().value;
const places = Array.from({ length: 2_000 }, () => [2 * next() - 1, 2 * next() - 1]);

/** Where a place lies seen from an edge: positive on its left. */
const side = ([x, y], [ax, ay], [bx, by]) => (bx - ax) * (y - ay) - (by - ay) * (x - ax);

test("a box has what lies between its corners, whichever was first", () => {
  for (const corners of [
    { x: [-0.5, 0.25], y: [0, 0.75] },
    { x: [0.25, -0.5], y: [0.75, 0] },
  ]) {
    const inside = box(corners);
    for (const [x, y] of places) assert.equal(inside(x, y), x >= -0.5 && x <= 0.25 && y >= 0 && y <= 0.75);
  }
});

test("a convex lasso has what lies on one side of all its edges", () => {
  for (const turn of [1, -1]) {
    const corners = Array.from({ length: 7 }, (_, n) => {
      const angle = (turn * 2 * Math.PI * n) / 7;
      return [0.7 * Math.cos(angle), 0.6 * Math.sin(angle)];
    });
    const inside = polygon({ x: corners.map(([x]) => x), y: corners.map(([, y]) => y) });
    const expected = ([x, y]) => corners.every((from, n) => turn * side([x, y], from, corners[(n + 1) % 7]) > 0);
    for (const place of places) assert.equal(inside(...place), expected(place), String(place));
  }
});

test("a lasso may have bays, and may cross itself", () => {
  // an L, whose bay is the upper right quarter
  const bay = polygon({ x: [-1, 1, 1, 0, 0, -1], y: [-1, -1, 0, 0, 1, 1] });
  for (const [x, y] of places) assert.equal(bay(x, y), x < 0 || y < 0);
  // an hourglass: what lies in one of its halves
  const crossed = polygon({ x: [-1, 1, -1, 1], y: [-1, -1, 1, 1] });
  for (const [x, y] of places) assert.equal(crossed(x, y), Math.abs(x) < Math.abs(y));
});

test("an event of a selection is a lasso, a box or nothing", () => {
  const corners = { x: [-1, 1, 1, -1], y: [-1, -1, 1, 1] };
  assert.ok(surrounded({ lassoPoints: corners })?.(0.5, 0.5));
  assert.ok(surrounded({ range: { x: [0, 1], y: [0, 1] } })?.(0.5, 0.5));
  assert.equal(surrounded({}), null);
  assert.equal(surrounded(undefined), null);
});

test("the rows in a region are those that are shown and have a place", () => {
  const flat = Float32Array.from([0, 0, 0.5, 0.5, Number.NaN, Number.NaN, 0.1, 0.1, 2, 2]);
  const region = box({ x: [-1, 1], y: [-1, 1] });
  assert.deepEqual(
    rowsIn(flat, region, () => true),
    [0, 1, 3],
  );
  assert.deepEqual(
    rowsIn(flat, region, (row) => row !== 1),
    [0, 3],
  );
});

test("all points are in sight, with a margin", () => {
  const { x, y } = extent(Float32Array.from([-1, 2, 1, 4]), Float32Array.from([Number.NaN, Number.NaN, 3, 3]));
  assert.deepEqual(
    [x, y].flat().map((end) => end.toFixed(2)),
    ["-1.24", "3.24", "1.88", "4.12"],
  );
  assert.deepEqual(extent(Float32Array.from([0.5, 0.5])), { x: [0, 1], y: [0, 1] });
  for (const [low, high] of Object.values(extent(new Float32Array()))) assert.ok(low < -1 && high > 1);
});

test("the corners of what is in sight are those of the plot", () => {
  const { x, y, ox, oy } = projection({ x: [-2, 2], y: [1, 5] }, { width: 400, height: 200 });
  const to = (px, py) => [ox + x * px, oy + y * py];
  assert.deepEqual(to(-2, 5), [0, 0]);
  assert.deepEqual(to(2, 1), [400, 200]);
  assert.deepEqual(to(0, 3), [200, 100]);
});

test("zooming keeps what is pointed at where it is", () => {
  const [ranges, size] = [
    { x: [-2, 2], y: [1, 5] },
    { width: 400, height: 200 },
  ];
  const pixels = (within, [px, py]) => {
    const { x, y, ox, oy } = projection(within, size);
    return [ox + x * px, oy + y * py];
  };
  const closer = zoomed(ranges, 0.5, [0.25, 0.75]);
  assert.deepEqual(closer.x.concat(closer.y), [-1.5, 0.5, 2.5, 4.5]);
  assert.deepEqual(pixels(closer, [-1, 4]), pixels(ranges, [-1, 4]));
  assert.deepEqual(zoomed(closer, 2, [0.25, 0.75]), ranges);
});

test("ranges are those of the last event, in either form", () => {
  const ranges = { x: [-2, 2], y: [1, 5] };
  const dragged = { "xaxis.range[0]": -1, "xaxis.range[1]": 3, "yaxis.range[0]": 0, "yaxis.range[1]": 4 };
  assert.deepEqual(changed(ranges, dragged), { x: [-1, 3], y: [0, 4] });
  assert.deepEqual(changed(ranges, { "xaxis.range": [0, 1] }), { x: [0, 1], y: [1, 5] });
  assert.deepEqual(changed(ranges, { width: 300, height: 200 }), ranges);
});
