import type { CommanderError } from "commander";
import { Command, InvalidArgumentError, Option } from "commander";
import { NocturneError } from "../core/errors.ts";
import type { App } from "./app.ts";
import { EXIT, EXIT_CODE_HELP } from "./exit-codes.ts";
import { addFlowCommands } from "./flow-commands.ts";
import { addPeopleCommands } from "./people-commands.ts";
import type { Action } from "./lent.ts";
import { createSession, type GlobalOptions, type Surroundings } from "./session.ts";
import { addVarsCommands } from "./vars-commands.ts";

/** What the demo's own nights are made of. */
const DATA_OPTIONS = ["nights", "sales", "columns", "from", "to", "maxRejected"];

/** Builds the command line. Each command's module is loaded when it runs: --help loads none of them. */
export function buildProgram(app: App, surroundings: Surroundings, exit: (code: number) => void): Command {
  const program = new Command("nocturne")
    .description("Runs the nightly batch of data teams on AWS.")
    .version(app.version)
    .option("--home <folder>", "where Nocturne keeps its files (default: .nocturne)")
    .option("--config <file>", "the settings (default: ./nocturne.yaml, else <home>/nocturne.yaml)")
    .option("--dags <folder>", "the folder of DAGs (default: ./dags)")
    .addOption(new Option("--aws <where>", "local: run everything on this machine").choices(["local", "cloud"]))
    .option("--database-url <url>", "a Postgres of your own (default: DATABASE_URL, else an embedded one)")
    .option("--fleet <name>", "the Postgres schema, with one engine each (default: nocturne)")
    .option("--json", "one JSON document on standard output and nothing else there")
    .option("--debug", "with an error, where in the program it happened")
    .option("--no-color", "no colours (NO_COLOR does the same)")
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      examples(["nocturne demo", "nocturne up --aws local", "nocturne dags check", "nocturne doctor"]),
    );

  const bind =
    <Options>(load: () => Promise<Action<Options>>) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<Options & GlobalOptions>();
      const session = createSession(app, options, surroundings);
      const args = given
        .slice(0, -2)
        .flat()
        .filter((argument) => argument !== undefined) as string[];
      exit(await (await load())(session, args, options));
    };

  program
    .command("demo")
    .description("run the nightly sales pipeline on this machine and show what came out")
    .option("--nights <n>", "how many generated nights", wholeNumber, 14)
    .option("--sales <file>", "a CSV of your own (plain or gzip) instead of generated sales")
    .option("--columns <map>", "its columns: sale_id=…,store_id=…,sold_at=…,product_id=…,quantity=…,unit_price=…")
    .option("--from <day>", "with --sales: the first night")
    .option("--to <day>", "with --sales: the last night")
    .option("--max-rejected <share>", "how many of a night's lines may be rejected, as a share", share)
    .addOption(
      new Option("--slow", "instead: a night too slow for its deadline, hours in seconds, and the mail that says so") //
        .conflicts([...DATA_OPTIONS, "overspend"]),
    )
    .addOption(
      new Option("--overspend", "instead: a Glue job that runs away, and the budget that stops it") //
        .conflicts([...DATA_OPTIONS, "slow"]),
    )
    .addHelpText(
      "after",
      examples([
        "nocturne demo",
        "nocturne demo --nights 3 --json",
        "nocturne demo --slow",
        "nocturne demo --overspend --json",
        "nocturne demo --sales sales.csv --from 2023-01-01 --to 2023-01-31 \\",
        "    --columns sale_id=id,store_id=shop,sold_at=day+time,product_id=sku,quantity=qty,unit_price=price",
      ]),
    )
    .action(bind(async () => (await import("./commands/demo.ts")).demo));

  program
    .command("up")
    .description("run everything: schedules, the REST API, mails; stops in order on Ctrl-C")
    .option("--roles <names>", "what this process does, of engine, api and alert (default: all three)")
    .option("--port <n>", "where the API listens; 0: any free one", portNumber, 8080)
    .option("--host <address>", "on which address; every request needs a token", "127.0.0.1")
    .option("--time-scale <n>", "with --aws local: a clock that runs n times as fast")
    .option("--time-from <instant>", "with --aws local: what that clock shows at first, such as 2026-01-31T01:50:00Z")
    .addHelpText(
      "after",
      examples([
        "nocturne up",
        "nocturne up --aws local --port 0 --json",
        "nocturne up --roles engine,alert",
        "nocturne up --aws local --time-scale 600 --time-from 2026-01-31T06:50:00Z",
      ]),
    )
    .action(bind(async () => (await import("./commands/up.ts")).up));

  const dags = program.command("dags").description("the DAGs of the folder");
  dags
    .command("check [files...]")
    .description("read DAG files and show every problem; needs no database")
    .addHelpText("after", examples(["nocturne dags check", "nocturne dags check dags/nightly_store_sales.yaml"]))
    .action(bind(async () => (await import("./commands/dags-check.ts")).dagsCheck));
  dags
    .command("list")
    .description("the DAGs of the folder with their schedules")
    .addHelpText("after", examples(["nocturne dags list", "nocturne dags list --json"]))
    .action(bind(async () => (await import("./commands/dags-list.ts")).dagsList));
  dags
    .command("show <dag>")
    .description("draw a DAG's tasks, level by level")
    .addHelpText("after", examples(["nocturne dags show nightly_store_sales"]))
    .action(bind(async () => (await import("./commands/dags-show.ts")).dagsShow));
  dags
    .command("next <dag>")
    .description("when a DAG is due next, and for which data")
    .option("--count <n>", "how many, at most 1000", countOfNext, 5)
    .addHelpText("after", examples(["nocturne dags next nightly_store_sales --count 7"]))
    .action(bind(async () => (await import("./commands/dags-next.ts")).dagsNext));
  dags
    .command("test <dag>")
    .description("run one DAG in the foreground for one day, beside schedule and history")
    .requiredOption("--date <day>", "the day of ds, in the DAG's time zone")
    .option("--conf <json>", "values of the DAG's params for this run")
    .addHelpText("after", examples(["nocturne dags test nightly_store_sales --date 2026-01-31 --aws local"]))
    .action(bind(async () => (await import("./commands/dags-test.ts")).dagsTest));
  for (const [word, paused, what] of [
    ["pause", true, "begin nothing more of a DAG; jobs that run are followed to their end"],
    ["unpause", false, "let a DAG go on by its schedule again"],
  ] as const) {
    dags
      .command(`${word} <dag>`)
      .description(what)
      .addHelpText("after", examples([`nocturne dags ${word} nightly_store_sales`]))
      .action(bind(async () => (await import("./commands/dags-pause.ts"))[paused ? "dagsPause" : "dagsUnpause"]));
  }
  dags
    .command("schema")
    .description("print the JSON Schema of DAG files, for editors")
    .addHelpText("after", examples(["nocturne dags schema > dag.schema.json"]))
    .action(bind(async () => (await import("./commands/dags-schema.ts")).dagsSchema));

  const backfill = program.command("backfill");
  backfill
    .argument("[dag]")
    .description("run a DAG for every night of a range, both ends included")
    .option("--from <day>", "the first day of ds, in the DAG's time zone")
    .option("--to <day>", "the last one")
    .option("--max-active-runs <n>", "nights side by side (default: the DAG's)", wholeNumber)
    .option("--backwards", "the newest night first")
    .option("--task <task>", "only this task of each run, with its setup; may be repeated", repeated)
    .option("--downstream", "with --task: and all that comes after it")
    .option("--over-budget", "begin although a run is expected to cost more than its budget")
    .addOption(
      new Option("--reprocess <which>", "which existing runs to run again")
        .choices(["none", "failed", "completed"])
        .default("none"),
    )
    .option("--dry-run", "only say what would run")
    .option("--conf <json>", "values of the DAG's params for these runs")
    .addHelpText(
      "after",
      examples([
        "nocturne backfill nightly_store_sales --from 2026-01-01 --to 2026-01-31 --dry-run",
        "nocturne backfill nightly_store_sales --from 2026-01-01 --to 2026-01-31 --reprocess failed",
        "nocturne backfill create nightly_store_sales --from 2016-01-01 --to 2025-12-31 --backwards",
        "nocturne backfill show 7 --watch",
      ]),
    )
    .action(bind(async () => (await import("./commands/backfill.ts")).backfill));
  backfill
    .command("create [dag]")
    .description("make its runs and leave them to the running system; takes the options of backfill itself")
    .addHelpText("after", examples(["nocturne backfill create stock --from 2016-01-01 --to 2025-12-31"]))
    .action(bind(async () => (await import("./commands/backfill-create.ts")).backfillCreate));
  backfill
    .command("list")
    .description("the newest backfills")
    .option("--dag <id>", "only of this DAG")
    .option("--limit <n>", "how many", wholeNumber, 50)
    .addHelpText("after", examples(["nocturne backfill list", "nocturne backfill list --dag stock --json"]))
    .action(bind(async () => (await import("./commands/backfill-list.ts")).backfillList));
  backfill
    .command("show <id>")
    .description("how far a backfill is, and when it should end")
    .option("--watch", "until it has ended; carries it on when no engine runs")
    .addHelpText("after", examples(["nocturne backfill show 7", "nocturne backfill show 7 --watch"]))
    .action(bind(async () => (await import("./commands/backfill-show.ts")).backfillShow));
  for (const [word, name, what] of [
    ["pause", "backfillPause", "begin no more runs of a backfill; those that run go on"],
    ["resume", "backfillResume", "let a paused backfill go on"],
    ["cancel", "backfillCancel", "end a backfill: runs that wait have failed, those that run go on"],
  ] as const) {
    backfill
      .command(`${word} <id>`)
      .description(what)
      .addHelpText("after", examples([`nocturne backfill ${word} 7`]))
      .action(bind(async () => (await import("./commands/backfill-change.ts"))[name]));
  }

  const runs = program.command("runs").description("dag runs: what ran, runs, failed, and why");
  runs
    .command("list")
    .description("the newest runs")
    .option("--dag <id>", "only of this DAG")
    .addOption(new Option("--state <state>", "only these").choices(["queued", "running", "success", "failed"]))
    .option("--limit <n>", "how many", wholeNumber, 50)
    .addHelpText("after", examples(["nocturne runs list", "nocturne runs list --state failed --json"]))
    .action(bind(async () => (await import("./commands/runs-list.ts")).runsList));
  runs
    .command("show <run>")
    .description("a run's tasks and attempts: failures, last log lines, console links")
    .option("--dag <id>", "of this DAG, where several have a run of that id")
    .addHelpText("after", examples(["nocturne runs show backfill__2026-01-01T05:00:00+00:00"]))
    .action(bind(async () => (await import("./commands/runs-show.ts")).runsShow));
  runs
    .command("watch [run]")
    .description("follow a run, or all active ones, until they end; carries them on when no engine runs")
    .option("--dag <id>", "only of this DAG")
    .addHelpText("after", examples(["nocturne runs watch"]))
    .action(bind(async () => (await import("./commands/runs-watch.ts")).runsWatch));
  runs
    .command("cancel <run>")
    .description("end a run: its remote jobs are cancelled first")
    .option("--dag <id>", "of this DAG, where several have a run of that id")
    .addHelpText("after", examples(["nocturne runs cancel backfill__2026-01-01T05:00:00+00:00"]))
    .action(bind(async () => (await import("./commands/runs-cancel.ts")).runsCancel));

  addPeopleCommands(program, runs, { bind, examples, wholeNumber });
  addFlowCommands(program, { bind, examples, wholeNumber });
  addVarsCommands(program, { bind, examples });

  const tokens = program.command("tokens").description("who may use the REST API, and how far");
  tokens
    .command("create")
    .description("make a token; it is shown once")
    .addOption(
      new Option("--role <role>", "viewer reads, operator also triggers and pauses, admin does everything")
        .choices(["viewer", "operator", "admin"])
        .makeOptionMandatory(),
    )
    .option("--dags <globs>", "only these DAGs, such as 'sales_*,stock' (default: all)")
    .option("--expires <when>", "after 90d, 12h, …, or never", "90d")
    .option("--note <text>", "what it is for")
    .addHelpText(
      "after",
      examples([
        "nocturne tokens create --role admin --json",
        "nocturne tokens create --role operator --dags 'sales_*'",
      ]),
    )
    .action(bind(async () => (await import("./commands/tokens-create.ts")).tokensCreate));
  tokens
    .command("list")
    .description("every token, without its secret")
    .addHelpText("after", examples(["nocturne tokens list"]))
    .action(bind(async () => (await import("./commands/tokens-list.ts")).tokensList));
  tokens
    .command("revoke <id>")
    .description("end a token, from the next request on")
    .addHelpText("after", examples(["nocturne tokens revoke tok_0123456789ab"]))
    .action(bind(async () => (await import("./commands/tokens-revoke.ts")).tokensRevoke));

  program
    .command("sla")
    .description("deadlines")
    .command("misses")
    .description("deadlines that were missed, the latest first")
    .option("--dag <id>", "only of this DAG")
    .option("--limit <n>", "how many", wholeNumber, 50)
    .addHelpText("after", examples(["nocturne sla misses", "nocturne sla misses --dag nightly_store_sales --json"]))
    .action(bind(async () => (await import("./commands/sla-misses.ts")).slaMisses));

  program
    .command("mails")
    .description("mails that are owed, sent and refused")
    .command("list")
    .description("the newest mails, with what became of them")
    .option("--limit <n>", "how many", wholeNumber, 50)
    .addHelpText("after", examples(["nocturne mails list", "nocturne mails list --json"]))
    .action(bind(async () => (await import("./commands/mails-list.ts")).mailsList));

  const db = program.command("db").description("Nocturne's own database");
  db.command("archive")
    .description("move months of ended runs into files, and free their space")
    .option("--older-than <duration>", "months that ended so long ago, such as 90d (default: retention.runs)")
    .option("--before <day>", "months that ended before this day (UTC)")
    .option("--to <folder>", "where to (default: retention.archive_to, else <home>/archive)")
    .option("--dry-run", "only say what would leave")
    .addHelpText(
      "after",
      examples([
        "nocturne db archive --older-than 400d --dry-run",
        "nocturne db archive --before 2026-01-01 --to /mnt/archive",
      ]),
    )
    .action(bind(async () => (await import("./commands/db-archive.ts")).dbArchive));
  db.command("check")
    .description("look at the database: its version, and what each month of runs takes")
    .addHelpText("after", examples(["nocturne db check", "nocturne db check --json"]))
    .action(bind(async () => (await import("./commands/db-check.ts")).dbCheck));
  db.command("migrate")
    .description("bring the database up to this version")
    .addHelpText("after", examples(["nocturne db migrate --database-url postgres://user@host/name"]))
    .action(bind(async () => (await import("./commands/db-migrate.ts")).dbMigrate));

  program
    .command("doctor")
    .description("say what is missing on this machine and how to mend it")
    .addHelpText("after", examples(["nocturne doctor", "nocturne doctor --aws local --json"]))
    .action(bind(async () => (await import("./commands/doctor.ts")).doctor));

  return strict(program);
}

/** Errors of usage become ours, in every command, and every help ends with what the exit codes mean. */
function strict(command: Command): Command {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  command.addHelpText("after", EXIT_CODE_HELP);
  for (const child of command.commands) strict(child);
  return command;
}

/** A commander error as ours; null when it only means that help or the version was printed. */
export function usageError(error: CommanderError): NocturneError | null {
  if (error.exitCode === EXIT.done) return null;
  const message = error.message
    .replace("(outputHelp)", "say which command of it, such as list or show")
    .replace(/^error: /, "")
    .replace(" is invalid. ", " is invalid: ")
    .replaceAll("\n", " ");
  return new NocturneError({ code: "USAGE", message });
}

const examples = (lines: readonly string[]): string => `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number from 1");
  return value;
}

/** Each is reckoned from the one before, so that a million would keep a terminal waiting. */
function countOfNext(text: string): number {
  const value = wholeNumber(text);
  if (value > 1_000) throw new InvalidArgumentError("expected at most 1000");
  return value;
}

const repeated = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

function portNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError("expected a port from 0 to 65535");
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("expected a share from 0 to 1");
  return value;
}
