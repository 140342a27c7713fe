import { expect, test } from "vitest";
import { newRunId } from "../../../engine/runtime/ids.ts";

test("run ids are UUIDs of version 7 and ordered by time, also within a millisecond", () => {
  const now = Date.UTC(2026, 10, 21);
  const ids = [...Array.from({ length: 1_000 }, () => newRunId(now)), newRunId(now + 1)];
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(
    true,
  );
  expect([...ids].sort()).toEqual(ids);
});
