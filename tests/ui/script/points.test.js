/* The points of a map, unpacked from bytes that are laid out as index/map/wire.py says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { unpack } from "../../../ui/static/map/points.js";

const NOWHERE = -32_768;
const COLUMNS = {
  id: ["float64", [7, 12, 2 ** 40]],
  flat: ["int16", [0, 32_767, -32_767, 16_384, 1, -1]],
  flat_text: ["int16", [NOWHERE, NOWHERE, 100, 200, NOWHERE, NOWHERE]],
  solid: ["int16", [0, 0, 0, 1, 2, 3, 32_767, 32_767, 32_767]],
  solid_text: ["int16", [NOWHERE, NOWHERE, NOWHERE, 1, 2, 3, NOWHERE, NOWHERE, NOWHERE]],
  category: ["uint32", [0, 1, 0]],
  language: ["uint32", [0, 0, 0]],
  speaker: ["uint32", [1, 0, 1]],
  recording: ["uint32", [0, 0, 1]],
  region: ["int16", [-1, 0, 0]],
  start: ["float32", [0.25, 3, 0]],
  end: ["float32", [2.5, 4, 1]],
};
const SIZES = { float64: 8, float32: 4, int16: 2, uint32: 4 };
const HEAD = {
  count: 3,
  names: { category: ["news", "mystery"], language: ["en"], speaker: ["Ann", "Bo"], recording: ["a/b.wav", "é 2"] },
  text: ["the ship", "", "ein Baum"],
};

/** The bytes of a head and columns, each at a multiple of its size. */
function pack() {
  const columns = {};
  let size = 0;
  for (const [name, [kind, values]] of Object.entries(COLUMNS)) {
    size += -size & (SIZES[kind] - 1);
    columns[name] = [kind, size, values.length];
    size += SIZES[kind] * values.length;
  }
  const head = new TextEncoder().encode(JSON.stringify({ ...HEAD, columns }));
  const length = head.length + (-(4 + head.length) & 7);
  const view = new DataView(new ArrayBuffer(4 + length + size));
  view.setUint32(0, length, true);
  for (let n = 0; n < length; n++) view.setUint8(4 + n, head[n] ?? 32);
  for (const [name, [kind, values]] of Object.entries(COLUMNS))
    for (const [n, value] of values.entries()) {
      const at = 4 + length + columns[name][1] + SIZES[kind] * n;
      view[`set${kind[0].toUpperCase()}${kind.slice(1)}`](at, value, true);
    }
  return view.buffer;
}

const points = unpack(pack(), "my talks");

test("the head and its columns are as they were packed", () => {
  assert.equal(points.count, 3);
  assert.deepEqual(points.text, HEAD.text);
  assert.deepEqual(points.names, HEAD.names);
  for (const name of ["id", "category", "language", "speaker", "recording", "region", "start", "end"])
    assert.deepEqual([...points[name]], COLUMNS[name][1], name);
});

test("coordinates are within [-1, 1], and nowhere is not a number", () => {
  const unpacked = (values) => values.map((step) => (step === NOWHERE ? Number.NaN : Math.fround(step / 32_767)));
  assert.deepEqual([...points.flat], unpacked(COLUMNS.flat[1]));
  assert.deepEqual([...points.flatText], unpacked(COLUMNS.flat_text[1]));
  assert.deepEqual([...points.solid], unpacked(COLUMNS.solid[1]));
  assert.deepEqual([...points.solidText], unpacked(COLUMNS.solid_text[1]));
});

test("utterances are found by their ids", () => {
  assert.deepEqual([7, 12, 2 ** 40, 13].map(points.row), [0, 1, 2, undefined]);
});

test("an utterance is played from its recording, with some seconds around it", () => {
  assert.deepEqual(points.sound(0, 0.5), { src: "audio/my%20talks/a%2Fb.wav", start: 0, end: 3 });
  assert.deepEqual(points.sound(1, 0), { src: "audio/my%20talks/a%2Fb.wav", start: 3, end: 4 });
  assert.equal(points.page(1), "recording/my%20talks/a%2Fb.wav#t=3.0");
  assert.equal(points.sound(2, 0).src, "audio/my%20talks/%C3%A9%202");
});
