import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { iamActions, type Service } from "../../operators/aws/iam-actions.ts";
import { operatorDescriptors } from "../../operators/index.ts";
import { folderOf, sourcesOf } from "../operators/sources.ts";

const PACKAGES: Readonly<Record<string, Service>> = {
  "@aws-sdk/client-s3": "s3",
  "@aws-sdk/client-glue": "glue",
  "@aws-sdk/client-emr": "emr",
  "@aws-sdk/client-redshift-data": "redshift_data",
  "@aws-sdk/client-athena": "athena",
  "@aws-sdk/client-cloudwatch-logs": "logs",
};

const readmeOf = (type: string): string => readFileSync(join(folderOf(type), "README.md"), "utf8");

/** The IAM actions of every call the operator's code can make. A role's AssumeRole is the connection's, not the operator's. */
async function actionsOfCode(type: string): Promise<string[]> {
  const text = sourcesOf(join(folderOf(type), "operator.ts")).join("\n");
  const commands = new Set([...text.matchAll(/new (?:sdk\.)?(\w+)Command\(/g)].map(([, name = ""]) => name));
  const actions = new Set<string>();
  for (const [name, service] of Object.entries(PACKAGES)) {
    if (!text.includes(`"${name}"`)) continue;
    const client = (await import(name)) as Record<string, unknown>;
    const own = [...commands].filter((command) => `${command}Command` in client);
    for (const action of own.flatMap((command) => iamActions(service, command))) actions.add(action);
  }
  return [...actions].sort();
}

describe.each(operatorDescriptors.map((descriptor) => [descriptor.type, descriptor] as const))(
  "README of %s",
  (type, { params }) => {
    it("lists exactly the permissions of the calls that the operator makes", async () => {
      const [, section = ""] = /^## IAM\n([\s\S]*?)^## /m.exec(readmeOf(type)) ?? [];
      const listed = [...section.matchAll(/^- `([a-z0-9-]+:\w+)`$/gm)].map(([, action = ""]) => action);
      expect(listed).toEqual(await actionsOfCode(type));
    });

    it("shows an example that is right", () => {
      const [, example = ""] = /^```yaml\n([\s\S]*?)^```/m.exec(readmeOf(type)) ?? [];
      const task = parse(example) as { operator: string; with: unknown };
      expect(task.operator).toBe(type);
      expect(params.safeParse(task.with).error?.issues).toBeUndefined();
    });
  },
);
