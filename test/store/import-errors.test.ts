import { expect, it } from "vitest";
import type { Problem } from "../../engine/core/errors.ts";
import { importErrors, replaceImportErrors } from "../../engine/store/import-errors.ts";
import { storeOfThisFile } from "./fleet.ts";

const here = storeOfThisFile();
const at = (file: string, message: string): Problem => ({
  code: "DAG_CYCLE",
  message,
  at: { file, line: 3, column: 7 },
});
const broken = (file: string, message = "a -> b -> a") => ({ file, problems: [at(file, message)] });
const said = async () => (await importErrors(here.store)).map(({ file, problems }) => ({ file, problems }));

it("the table says exactly what is wrong with the folder now, by name", async () => {
  await replaceImportErrors(here.store, [broken("dags/b.yaml"), broken("dags/a.yaml")]);
  expect(await said()).toEqual([broken("dags/a.yaml"), broken("dags/b.yaml")]);
  const mended = { file: "dags/a.yaml", problems: [] };
  await replaceImportErrors(here.store, [mended, broken("dags/b.yaml", "b -> b"), broken("dags/c.yaml")]);
  expect(await said()).toEqual([broken("dags/b.yaml", "b -> b"), broken("dags/c.yaml")]);
  await replaceImportErrors(here.store, []);
  expect(await said()).toEqual([]);
});

it("a file that is wrong in the same way keeps the time it was first seen so, another mistake begins anew", async () => {
  const same = broken("dags/same.yaml");
  await replaceImportErrors(here.store, [same, broken("dags/other.yaml", "one")]);
  const [other, first] = await importErrors(here.store);
  await here.store.pool.query("UPDATE import_error SET seen_at = seen_at - interval '1 hour'");
  await replaceImportErrors(here.store, [same, broken("dags/other.yaml", "two")]);
  const [otherNow, firstNow] = await importErrors(here.store);
  expect(firstNow?.seenAt).toBe((first?.seenAt ?? 0) - 3_600_000);
  expect(otherNow?.seenAt).toBeGreaterThanOrEqual(other?.seenAt ?? Infinity);
});

it("text that Postgres would refuse does not keep the folder from being told", async () => {
  await replaceImportErrors(here.store, [broken("dags/odd\ud800.yaml", "got \u0000")]);
  expect(await said()).toEqual([{ file: "dags/odd\uFFFD.yaml", problems: [at("dags/odd\uFFFD.yaml", "got \uFFFD")] }]);
});

it("two watchers at once leave what one of them saw", async () => {
  const folders = [
    [broken("dags/x.yaml", "mine"), broken("dags/y.yaml", "mine")],
    [broken("dags/y.yaml", "yours"), broken("dags/x.yaml", "yours")],
  ];
  await Promise.all(Array.from({ length: 20 }, (_, turn) => replaceImportErrors(here.store, folders[turn % 2] ?? [])));
  const messages = new Set((await said()).flatMap(({ problems }) => problems.map(({ message }) => message)));
  expect(messages.size).toBe(1);
});
