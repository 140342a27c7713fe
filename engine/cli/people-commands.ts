import { InvalidArgumentError, type Command } from "commander";
import type { Lent } from "./lent.ts";

/** What people do to runs and task instances, and the log of it. */
export function addPeopleCommands(program: Command, runs: Command, { bind, examples, wholeNumber }: Lent): void {
  runs
    .command("clear <run>")
    .description("begin a run anew; it waits for its turn within the limits of its DAG")
    .option("--only-failed", "only what failed, or was stopped by a failure")
    .option("--latest", "put the whole run on the newest version of its DAG")
    .option("--dry-run", "only say what would begin anew")
    .option("--yes", "do not ask")
    .option("--dag <id>", OF_DAG)
    .addHelpText(
      "after",
      examples(["nocturne runs clear manual__1 --only-failed", "nocturne runs clear manual__1 --yes --latest"]),
    )
    .action(bind(async () => (await import("./commands/runs-change.ts")).runsClear));
  runs
    .command("mark <run> <state>")
    .description("give a run a state by a person's word: success, failed, or queued to begin it anew")
    .option("--dag <id>", OF_DAG)
    .addHelpText("after", examples(["nocturne runs mark manual__1 failed"]))
    .action(bind(async () => (await import("./commands/runs-change.ts")).runsMark));
  runs
    .command("release <run>")
    .description("let a run go on that was put aside, once the cause is mended")
    .option("--dag <id>", OF_DAG)
    .addHelpText("after", examples(["nocturne runs release manual__1"]))
    .action(bind(async () => (await import("./commands/runs-change.ts")).runsRelease));
  runs
    .command("note <run> [text]")
    .description("write a note beside a run; without a text, take it away")
    .option("--dag <id>", OF_DAG)
    .addHelpText("after", examples(["nocturne runs note manual__1 'rerun for the auditors'"]))
    .action(bind(async () => (await import("./commands/runs-change.ts")).runsNote));

  const tasks = program.command("tasks").description("task instances: clear, mark, try again");
  tasks
    .command("list <run>")
    .description("the task instances of a run, and ends that AWS has not confirmed")
    .option("--dag <id>", OF_DAG)
    .addHelpText("after", examples(["nocturne tasks list manual__1", "nocturne tasks list manual__1 --json"]))
    .action(bind(async () => (await import("./commands/tasks-list.ts")).tasksList));
  choosing(tasks.command("clear <run> [tasks...]"))
    .description("begin task instances anew; jobs at work are ended first. Tasks by id or glob; none: all of the run")
    .option("--only-failed", "only what failed, or was stopped by a failure")
    .option("--latest", "put the whole run on the newest version of its DAG")
    .option("--abandon", "of jobs whose end AWS does not confirm: go on, and watch and bill them until they end")
    .option("--adopt <ref>", "the task follows this job, which is there already: text or JSON, as its operator says it")
    .addHelpText(
      "after",
      examples([
        "nocturne tasks clear manual__1 load --downstream",
        "nocturne tasks clear manual__1 'load_*' --only-failed --yes",
        "nocturne tasks clear manual__1 load --map-index 3 --dry-run",
        "nocturne tasks clear manual__1 load --adopt jr_0123456789",
      ]),
    )
    .action(bind(async () => (await import("./commands/tasks-clear.ts")).tasksClear));
  choosing(tasks.command("mark <run> <state> <tasks...>"))
    .description("give task instances a state by a person's word: success, failed or skipped")
    .addHelpText(
      "after",
      examples(["nocturne tasks mark manual__1 success load", "nocturne tasks mark manual__1 skipped 'check_*' --yes"]),
    )
    .action(bind(async () => (await import("./commands/tasks-change.ts")).tasksMark));
  tasks
    .command("retry <run> <tasks...>")
    .description("try tasks again now that wait for their next try")
    .option("--map-index <n>", "one instance of a mapped task", indexNumber)
    .option("--dag <id>", OF_DAG)
    .addHelpText("after", examples(["nocturne tasks retry manual__1 load"]))
    .action(bind(async () => (await import("./commands/tasks-change.ts")).tasksRetry));
  choosing(tasks.command("abandon <run> <tasks...>"))
    .description("go on although AWS does not confirm the end of jobs; they are watched and billed until they end")
    .addHelpText("after", examples(["nocturne tasks abandon manual__1 load"]))
    .action(bind(async () => (await import("./commands/tasks-change.ts")).tasksAbandon));
  tasks
    .command("note <run> <task> [text]")
    .description("write a note beside a task instance; without a text, take it away")
    .option("--map-index <n>", "one instance of a mapped task", indexNumber)
    .option("--dag <id>", OF_DAG)
    .addHelpText("after", examples(["nocturne tasks note manual__1 load 'the source sent half a day'"]))
    .action(bind(async () => (await import("./commands/tasks-change.ts")).tasksNote));

  program
    .command("audit")
    .description("who asked for what, from where, and what became of it; the newest first")
    .option("--dag <id>", "only of this DAG")
    .option("--run <run>", "only of this run")
    .option("--since <when>", "such as 2h, 30d, 2026-01-31")
    .option("--limit <n>", "how many", wholeNumber, 50)
    .addHelpText("after", examples(["nocturne audit --since 24h", "nocturne audit --dag nightly_store_sales --json"]))
    .action(bind(async () => (await import("./commands/audit.ts")).audit));

  const pools = program.command("pools").description("pools: how many slots tasks share, and who holds them");
  pools
    .command("list")
    .description("every pool with its slots, and how many are held")
    .addHelpText("after", examples(["nocturne pools list", "nocturne pools list --json"]))
    .action(bind(async () => (await import("./commands/pools-list.ts")).poolsList));
  pools
    .command("set <pool> <slots>")
    .description("give a pool so many slots, until a DAG that names it changes; 0: nothing new of it begins")
    .addHelpText("after", examples(["nocturne pools set glue 4", "nocturne pools set glue 0"]))
    .action(bind(async () => (await import("./commands/pools-set.ts")).poolsSet));
}

const OF_DAG = "of this DAG, where several have a run of that id";

/** The options that choose task instances of a run, and ask before anything is done. */
const choosing = (command: Command): Command =>
  command
    .option("--map-index <n>", "one instance of a mapped task", indexNumber)
    .option("--upstream", "and all that these wait for")
    .option("--downstream", "and all that waits for these")
    .option("--past", "in the runs of earlier logical dates, too")
    .option("--future", "in the runs of later logical dates, too")
    .option("--dry-run", "only say what would be done")
    .option("--yes", "do not ask")
    .option("--dag <id>", OF_DAG);

function indexNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("expected a whole number from 0");
  return Number(text);
}
