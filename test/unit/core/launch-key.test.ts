import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { launchKey } from "../../../engine/core/machine/launch-key.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const name = fc.string({ maxLength: 8 });
const launch = fc.record({ installation: name, run: name, task: name, map: fc.nat(3), tryNumber: fc.nat(3) });
type LaunchOf = typeof launch extends fc.Arbitrary<infer T> ? T : never;
const keyOf = ({ installation, run, task, map, tryNumber }: LaunchOf): string =>
  launchKey(sha256, installation, run, task, map, tryNumber);

test("rule 13: a launch key is 48 hexadecimal characters, and the same whenever it is made again", () => {
  fc.assert(
    fc.property(launch, (given) => {
      expect(keyOf(given)).toMatch(/^[0-9a-f]{48}$/);
      expect(keyOf({ ...given })).toBe(keyOf(given));
    }),
  );
});

test("rule 13: another installation, run, task, map key or launch number is another key, however names are cut", () => {
  fc.assert(
    fc.property(launch, launch, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      expect(keyOf(one) === keyOf(other)).toBe(same);
    }),
  );
  const cut = (run: string, task: string): string => launchKey(sha256, "i", run, task, -1, 1);
  expect(cut("ab", "c")).not.toBe(cut("a", "bc"));
});
