import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { describe, expect, it } from "vitest";
import { dagJsonSchema } from "../../engine/dagfile/json-schema.ts";
import { projectReader } from "../../engine/dagfile/project-reader.ts";
import { readDagFile, readDagFolder } from "../../engine/dagfile/read.ts";
import { at } from "../../engine/dagfile/schema-issues.ts";
import { operatorDescriptors as operators } from "../../operators/index.ts";

const projectRoot = fileURLToPath(new URL("../../", import.meta.url));
const schema = dagJsonSchema(operators);

describe("what is written about DAG files", () => {
  it("in dags/nocturne.schema.json is what the reader accepts (npx vitest run -u test/guards writes it anew)", async () => {
    const json = await format(JSON.stringify(schema), { parser: "json", printWidth: 120 });
    await expect(json).toMatchFileSnapshot("../../dags/nocturne.schema.json");
  });

  it("in the guide names every key, and its examples have no problem", async () => {
    const guide = await readFile(`${projectRoot}docs/guide/dag-file.md`, "utf8");
    const keys = (path: string[]) => Object.keys(at(schema, path) as object);
    const task = ["definitions", "task", "properties"];
    const forEach = [...task, "for_each", "anyOf", "0", "properties"];
    const group = ["definitions", "group", "properties"];
    const all = [["properties"], task, group, forEach].flatMap(keys);
    for (const key of all) expect(guide).toMatch(new RegExp(`\`${key}[\`.]`));
    const examples = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
    const whole = examples.filter((text) => /^dag:/m.test(text));
    expect(whole.length).toBeGreaterThanOrEqual(8);
    const readProjectFile = projectReader(projectRoot);
    const problems = whole.flatMap(
      (text, index) => readDagFile({ file: `example ${index + 1}`, text, operators, readProjectFile }).problems,
    );
    expect(problems).toEqual([]);
  });

  it("the DAGs that ship have no problem", async () => {
    const { dags, problems } = await readDagFolder({ folder: `${projectRoot}dags`, projectRoot, operators });
    expect(problems).toEqual([]);
    expect(dags.map(({ spec }) => spec.dagId)).toContain("nightly_store_sales");
  });
});
