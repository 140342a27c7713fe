import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openJournal } from "../../deploy/local-aws/journal.ts";
import { temporaryHome } from "./start.ts";

async function journalPath(): Promise<string> {
  return join(await temporaryHome(), "journal.jsonl");
}

test("what was flushed is there again, the last word per id", async () => {
  const path = await journalPath();
  const puts = fc.array(fc.record({ id: fc.constantFrom("a", "b", "c"), document: fc.option(fc.nat()) }));
  const kept = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(puts, async (lines) => {
      const journal = await openJournal(path);
      expect(journal.all("run")).toEqual(kept);
      for (const { id, document } of lines) {
        journal.put("run", id, document);
        if (document === null) kept.delete(id);
        else kept.set(id, document);
      }
      await journal.flushed();
      await journal.close();
    }),
    { numRuns: 30, endOnFailure: true },
  );
});

test("flushed resolves only when the caller's own put is on disk", async () => {
  const path = await journalPath();
  const journal = await openJournal(path);
  const inFile = async (id: number) => {
    journal.put("run", String(id), { id });
    await journal.flushed();
    return (await readFile(path, "utf8")).includes(`"id":"${id}"`);
  };
  expect(await Promise.all(Array.from({ length: 50 }, (_, id) => inFile(id)))).toEqual(Array(50).fill(true));
  await journal.close();
});

test("a line torn by a kill is dropped, and the next one is not joined to it", async () => {
  const path = await journalPath();
  const first = await openJournal(path);
  first.put("run", "a", 1);
  await first.close();
  await appendFile(path, '{"kind":"run","id":"b","docum');
  const second = await openJournal(path);
  expect(second.all("run")).toEqual(new Map([["a", 1]]));
  second.put("run", "c", 3);
  await second.close();
  const third = await openJournal(path);
  expect(third.all("run")).toEqual(
    new Map([
      ["a", 1],
      ["c", 3],
    ]),
  );
  await third.close();
});

test("opening rewrites the file with one line per living document", async () => {
  const path = await journalPath();
  const journal = await openJournal(path);
  for (let state = 0; state < 100; state++) journal.put("run", "a", { state });
  journal.put("run", "gone", {});
  journal.put("run", "gone", null);
  await journal.close();
  await (await openJournal(path)).close();
  expect(await readFile(path, "utf8")).toBe('{"kind":"run","id":"a","document":{"state":99}}\n');
});
