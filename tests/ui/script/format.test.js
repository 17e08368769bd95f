/* Numbers as a person reads them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, count } from "../../../ui/static/common/format.js";

test("seconds are a clock, with hours where there are any", () => {
  assert.deepEqual([0, 9.9, 72.4, 3_599, 3_672].map(clock), ["0:00", "0:09", "1:12", "59:59", "1:01:12"]);
});

test("one thing is not several", () => {
  assert.deepEqual(
    [count(1, "file"), count(1_200), count(2, "strong match", "es"), count(0)],
    ["1 file", "1,200 utterances", "2 strong matches", "0 utterances"],
  );
});
