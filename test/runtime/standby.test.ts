import { expect, onTestFinished, test } from "vitest";
import { dagSpec, taskSpec } from "../scenario/specs.ts";
import { testDatabase } from "../setup/postgres.ts";
import { Fleet, loaded } from "./harness.ts";

test("a process that stands by has the operators of its DAGs loaded before it takes over, also of new ones", async () => {
  const database = await testDatabase("empty");
  onTestFinished(() => database.drop());
  const fleet = await Fleet.create(database.url);
  onTestFinished(() => fleet.close());
  await fleet.store.pool.query(
    "UPDATE writer SET epoch = 7, owner = 'alive', expires_at = clock_timestamp() + interval '1 hour'",
  );
  const asked: string[] = [];
  let ring = (): void => undefined;
  const standby = await fleet.engine(dagSpec([taskSpec("load", { operator: "token" })]), (deps) => ({
    ...deps,
    operator: (type) => {
      asked.push(type);
      ring();
      return deps.operator(type);
    },
  }));
  await standby.ready;
  expect([standby.isWriting, ...asked]).toEqual([false, "token"]);
  const more = new Promise<void>((resolve) => (ring = () => asked.includes("find") && resolve()));
  const other = loaded({ ...dagSpec([taskSpec("load", { operator: "find" })]), dagId: "other" });
  standby.publish({ dags: [other], gone: [] });
  await more;
  expect(standby.isWriting).toBe(false);
});
