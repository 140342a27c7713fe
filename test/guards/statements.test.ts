import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { statementText } from "../../engine/store/sql-files.ts";
import { storeOfThisFile } from "../store/fleet.ts";

const here = storeOfThisFile();
const folder = new URL("../../sql/statements/", import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.sql$/, ""));

describe.each(names)("sql/statements/%s.sql", (name) => {
  const text = statementText(name);
  const head = text
    .split("\n")
    .filter((line) => line.startsWith("--"))
    .join("\n");

  it("prepares against the schema", async () => {
    const client = await here.store.pool.connect();
    try {
      await expect(client.query(`PREPARE probe AS ${text}`)).resolves.toBeDefined();
    } finally {
      client.release(true);
    }
  });

  it("has a head: its name and purpose, every parameter, the index it relies on, the measured cost", () => {
    expect(head).toMatch(new RegExp(`^-- ${name}: \\S+`));
    const parameters = new Set(text.slice(head.length).match(/\$\d+/g));
    for (const parameter of parameters) expect(head).toMatch(new RegExp(`\\${parameter}\\b`));
    expect(head).toMatch(/Relies on /);
    expect(head).toMatch(/Measured: .*\d/);
  });
});

it("one statement writes a task's state", () => {
  const writers = names.filter((name) => /UPDATE task_instance\b/.test(statementText(name)));
  expect(writers).toEqual(["flush_tasks_changed"]);
  const sources = readdirSync(new URL("../../engine/", import.meta.url), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .filter((file) =>
      /update\s+task_instance|updateTable\("task_instance"\)/i.test(
        readFileSync(new URL(`../../engine/${file}`, import.meta.url), "utf8"),
      ),
    );
  expect(sources).toEqual([]);
});
