import type { Command } from "commander";
import type { Lent } from "./lent.ts";

/** Assets, approvals, and what a person says about one of these. */
export function addFlowCommands(program: Command, { bind, examples, wholeNumber }: Lent): void {
  const assets = program
    .command("assets")
    .description("data that start DAGs: what brings them up to date, what waits for them");
  assets
    .command("list")
    .description("every asset that a DAG names")
    .addHelpText("after", examples(["nocturne assets list"]))
    .action(bind(async () => (await import("./commands/assets.ts")).assetsList));
  assets
    .command("events [asset]")
    .description("when assets were brought up to date, the newest first")
    .option("--limit <n>", "how many", wholeNumber, 50)
    .addHelpText("after", examples(["nocturne assets events warehouse.orders --json"]))
    .action(bind(async () => (await import("./commands/assets.ts")).assetsEvents));
  assets
    .command("emit <asset>")
    .description("say that an asset is up to date: the DAGs that wait for it run")
    .option("--extra <json>", "what their runs are to know of it")
    .addHelpText("after", examples([`nocturne assets emit warehouse.orders --extra '{"rows": 120000}'`]))
    .action(bind(async () => (await import("./commands/assets.ts")).assetsEmit));

  program
    .command("approvals")
    .description("tasks that wait for a person's word")
    .command("list")
    .description("what waits for a decision, the oldest first")
    .addHelpText("after", examples(["nocturne approvals list"]))
    .action(bind(async () => (await import("./commands/approvals.ts")).approvalsList));

  const tasks =
    program.commands.find((command) => command.name() === "tasks") ??
    program.command("tasks").description("what people do to tasks of runs");
  for (const word of ["approve", "reject"] as const) {
    tasks
      .command(`${word} <run> <task>`)
      .description(`${word} what an approval task asks; the first decision counts`)
      .option("--dag <id>", "of this DAG, where several have a run of that id")
      .option("--note <text>", "why")
      .option("--map-index <n>", "of a mapped task: which instance")
      .addHelpText(
        "after",
        examples([`nocturne tasks ${word} manual__2026-01-31T02:00:00+00:00 publish --note "checked"`]),
      )
      .action(
        bind(async () => {
          const { tasksApprove, tasksReject } = await import("./commands/approvals.ts");
          return word === "approve" ? tasksApprove : tasksReject;
        }),
      );
  }
}
