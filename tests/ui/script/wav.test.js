/* Sound as a file. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { wav } from "../../../ui/static/live/wav.js";

test("sound is a WAV file of 16-bit samples", async () => {
  const bytes = new DataView(await wav(Int16Array.from([1, -2, 32_767]), 16_000).arrayBuffer());
  const text = (at, length) => String.fromCharCode(...new Uint8Array(bytes.buffer, at, length));
  assert.equal(bytes.byteLength, 50);
  assert.deepEqual([text(0, 4), text(8, 8), text(36, 4)], ["RIFF", "WAVEfmt ", "data"]);
  assert.deepEqual([bytes.getUint32(4, true), bytes.getUint32(40, true)], [42, 6]);
  assert.deepEqual(
    [bytes.getUint16(22, true), bytes.getUint32(24, true), bytes.getUint32(28, true)],
    [1, 16_000, 32_000],
  );
  assert.deepEqual(
    [44, 46, 48].map((at) => bytes.getInt16(at, true)),
    [1, -2, 32_767],
  );
});
