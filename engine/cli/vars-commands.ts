import type { Command } from "commander";
import type { Lent } from "./lent.ts";

/** Variables: what the templates of every DAG may read. */
export function addVarsCommands(program: Command, { bind, examples }: Pick<Lent, "bind" | "examples">): void {
  const vars = program.command("vars").description("variables: values that templates read as {{ vars.name }}");
  vars
    .command("list")
    .description("every variable with its value")
    .addHelpText("after", examples(["nocturne vars list", "nocturne vars list --json"]))
    .action(bind(async () => (await import("./commands/vars.ts")).varsList));
  vars
    .command("get <name>")
    .description("the value of one: a text as it is, anything else as JSON")
    .addHelpText("after", examples(["nocturne vars get warehouse_schema"]))
    .action(bind(async () => (await import("./commands/vars.ts")).varsGet));
  vars
    .command("set <name> <value>")
    .description("make or change one; a value that is JSON is taken as JSON, anything else as text")
    .option("--description <text>", "what it is for; '' takes it away")
    .addHelpText(
      "after",
      examples([
        "nocturne vars set warehouse_schema mart --description 'where the marts are'",
        "nocturne vars set max_workers 10",
        `nocturne vars set regions '["eu", "us"]'`,
      ]),
    )
    .action(bind(async () => (await import("./commands/vars.ts")).varsSet));
  vars
    .command("delete <name>")
    .description("take one away; tasks whose templates read it fail from then on")
    .addHelpText("after", examples(["nocturne vars delete max_workers"]))
    .action(bind(async () => (await import("./commands/vars.ts")).varsDelete));
}
