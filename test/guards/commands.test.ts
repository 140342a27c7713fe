import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { expect, test } from "vitest";
import type { App } from "../../engine/cli/app.ts";
import { buildProgram } from "../../engine/cli/program.ts";
import type { Surroundings } from "../../engine/cli/session.ts";

// Commands are looked at and none is carried out.
const program = buildProgram({ version: "0" } as App, {} as Surroundings, () => undefined);
const page = readFileSync(resolve(import.meta.dirname, "../../docs/guide/command-line.md"), "utf8");

/** "backfill", "backfill pause", … */
const names = ({ commands }: Command, before = ""): string[] =>
  commands.flatMap((command) => {
    const name = `${before}${command.name()}`;
    const below = names(command, `${name} `);
    return below.length === 0 || command.registeredArguments.length > 0 ? [name, ...below] : below;
  });

const all = names(program);

test.each(all)("the page on the command line names %s", (name) => {
  const words = name.split(" ");
  const last = words.pop() ?? "";
  // "runs clear", or one of several: "backfill pause|resume|cancel", "vars get NAME|delete NAME".
  const way = [...words, `(?:[A-Za-z ]+\\|)*${last}\\b`].join(" ");
  expect(page).toMatch(new RegExp(`\`(?:nocturne )?${way}`));
});

test("there are commands to look at", () => {
  expect(all).toContain("backfill pause");
  expect(all.length).toBeGreaterThan(40);
});
