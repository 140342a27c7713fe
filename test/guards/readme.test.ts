import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { projectReader } from "../../engine/dagfile/project-reader.ts";
import { readDagFile } from "../../engine/dagfile/read.ts";
import { operatorDescriptors as operators } from "../../operators/index.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const text = (file: string) => readFileSync(join(root, file), "utf8");
const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...pagesBelow("docs")];

function pagesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return pagesBelow(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

describe("the README", () => {
  it("shows a first DAG that has no problem", () => {
    const dag = /<<'YAML'\n([\s\S]*?)^YAML$/m.exec(text("README.md"))?.[1] ?? "";
    const read = readDagFile({ file: "README", text: dag, operators, readProjectFile: projectReader(root) });
    expect(read.problems).toEqual([]);
    expect(read.dags.map(({ spec }) => spec.dagId)).toEqual(["store_visits"]);
  });

  it("gives the two commands as they are", () => {
    expect(text("README.md")).toMatch(/^ {4}npm ci && npm run demo$/m);
    expect(text("README.md")).toMatch(/^ {4}npm ci && npm test$/m);
    expect(text(".ci/run")).toMatch(/^npm ci && npm test$/m);
  });
});

describe("the documentation", () => {
  it.each(pages)("%s links only to what is there", (page) => {
    const links = [...text(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target = ""]) => target);
    expect(links.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });

  it("lists every operator and every decision", () => {
    for (const { type } of operators) expect(text("docs/guide/operators.md")).toContain(`[\`${type}\`]`);
    for (const page of readdirSync(join(root, "docs/adr"))) expect(text("docs/README.md")).toContain(`(adr/${page})`);
  });
});
