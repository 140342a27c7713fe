import { spawn, type ChildProcess } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  existsSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { rolldown } from "rolldown";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { letGo } from "../../operators/in-process/works.ts";
import { shellRun } from "../../operators/shell-run/operator.ts";
import { until } from "../setup/until.ts";
import { begin, ended, run, submit } from "./working.ts";

let project: string;
beforeEach(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), "shell-run-")));
});
afterEach(() => {
  letGo();
  rmSync(project, { recursive: true, force: true });
});

const host = () => ({ projectFolder: project });
const output = async (params: object): Promise<unknown> => {
  const end = await run(shellRun, params, { host: host() });
  return end.kind === "succeeded" ? end.output : end;
};
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has fetched yet is dead.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};
/** The number that a command has written into a file of the project. */
async function pidIn(name: string): Promise<number> {
  const file = join(project, name);
  await until(`${name} to be written`, () => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"));
  return Number(readFileSync(file, "utf8"));
}

describe("shell.run", () => {
  it("leaves behind the last line of stdout when it is JSON, and nothing otherwise", async () => {
    expect(await output({ command: `echo one; echo '{"rows": 3}'; echo; printf ' '` })).toEqual({ rows: 3 });
    expect(await output({ command: "echo '{}'; echo done" })).toEqual({});
    expect(await output({ command: "true" })).toEqual({});
  });

  it("takes a list word for word, without a shell", async () => {
    expect(await output({ command: ["printf", '"%s|%s"', "$HOME", "a b;c"] })).toBe("$HOME|a b;c");
  });

  it("refuses an output that is too large by name, and is not disturbed by a long line that is none", async () => {
    const long = `head -c 70000 /dev/zero | tr '\\0' x`;
    expect(await output({ command: `printf '"'; ${long}; printf '"'` })).toMatchObject({
      failure: { class: "permanent", code: "OUTPUT_TOO_LARGE" },
    });
    expect(await output({ command: long })).toEqual({});
  });

  it("gives a command PATH, HOME, LANG, TZ, where it runs and what the task adds: nothing else of ours", async () => {
    process.env["DATABASE_URL"] = "postgres://secret";
    const names = await output({
      command: `printf '['; env | sed 's/=.*//' | sort | sed 's/.*/"&"/' | paste -sd, - | tr -d '\\n'; printf ']'`,
      env: { DAY: "2026-01-01" },
    });
    delete process.env["DATABASE_URL"];
    const ours = ["DAG_ID", "LAUNCH_KEY", "RUN_ID", "TASK_ID", "TRY_NUMBER"].map((name) => `NOCTURNE_${name}`);
    const shells = ["OLDPWD", "PWD", "SHLVL", "_"];
    expect((names as string[]).filter((name) => !shells.includes(name))).toEqual(
      ["DAY", "HOME", "LANG", ...ours, "PATH", "TZ"].sort(),
    );
    expect(await output({ command: `echo "\\"$NOCTURNE_TASK_ID $DAY\\""`, env: { DAY: "today" } })).toBe(
      "a_task today",
    );
  });

  it("runs in the project's folder or below it, and nowhere else", async () => {
    mkdirSync(join(project, "scripts"));
    symlinkSync(tmpdir(), join(project, "out"));
    expect(await output({ command: `echo "\\"$(pwd -P)\\""`, cwd: "scripts" })).toBe(join(project, "scripts"));
    for (const cwd of ["..", "/", "out", "no-such-folder"]) {
      const { result } = await submit(shellRun, { command: "true", cwd }, { host: host() });
      expect(result, cwd).toMatchObject({ kind: "refused", failure: { code: "PARAMS_INVALID" } });
    }
  });

  it("reads what the task gives it, and does not mind what nobody reads", async () => {
    expect(await output({ command: `printf '"'; tr -d '\\n'; printf '"'`, stdin: "line\n" })).toBe("line");
    expect(await output({ command: "exec <&-; true", stdin: "x".repeat(1_000_000) })).toEqual({});
  });

  it("fails with the exit code and the last words of stderr, and keeps the last lines of both streams", async () => {
    const begun = await begin(
      shellRun,
      { command: "echo said; printf 'bad\\000 news\\n' >&2; exit 3" },
      { host: host() },
    );
    expect(await ended(begun)).toEqual({
      kind: "failed",
      failure: { class: "retryable", code: "JOB_FAILED", message: "exit code 3: bad\uFFFD news" },
    });
    expect((await begun.operator.logTail?.(begun.ref, begun.context, 20))?.sort()).toEqual(["bad\uFFFD news", "said"]);
    expect(await output({ command: "exit 3", success_exit_codes: [0, 3] })).toEqual({});
    expect(await output({ command: "kill -9 $$" })).toMatchObject({ failure: { message: "ended by SIGKILL" } });
    expect(await output({ command: ["no-such-program"] })).toMatchObject({
      failure: { message: expect.stringMatching(/^exit code 127: .*not found/) as string },
    });
  });

  it("stops a command that writes without end", async () => {
    expect(await output({ command: "yes" })).toMatchObject({
      failure: { class: "permanent", message: expect.stringContaining("more than 64 MiB") as string },
    });
  });

  it("asks a cancelled command to end, with all that it has started", async () => {
    const command = `sleep 60 & echo $! > child; trap 'echo bye >&2; exit 9' TERM; wait`;
    const begun = await begin(shellRun, { command }, { host: host() });
    const child = await pidIn("child");
    await begun.operator.cancel(begun.ref, begun.context);
    expect(await ended(begun)).toMatchObject({ failure: { code: "CANCELLED", message: "exit code 9: bye" } });
    await until("the child to be gone", () => !isAlive(child));
  });

  it("leaves nothing running when the command has ended", async () => {
    expect(await output({ command: "sleep 60 & echo $! > child; echo 1" })).toBe(1);
    const child = await pidIn("child");
    await until("the child to be gone", () => !isAlive(child));
  });

  it("lets only so many run at once; the next one is told to come again", async () => {
    const few = { ...host(), maxCommands: 1 };
    const first = await begin(shellRun, { command: "sleep 60" }, { host: few });
    const { result } = await submit(shellRun, { command: "true" }, { host: few });
    expect(result).toMatchObject({ kind: "throttled", retryAfterMs: 1_000 });
    await first.operator.cancel(first.ref, first.context);
    await ended(first);
    expect((await run(shellRun, { command: "true" }, { host: few })).kind).toBe("succeeded");
  });

  it("rule 19: dies with its owner, even after kill -9, and so does what it has started", async () => {
    const command = `trap '' HUP TERM; sleep 60 & echo $! > child; echo $$ > pid; wait`;
    const owner = await ownerOf({ command });
    const [pid, child] = [await pidIn("pid"), await pidIn("child")];
    expect([isAlive(pid), isAlive(child)]).toEqual([true, true]);
    owner.kill("SIGKILL");
    await until("the command and its child to be gone", () => !isAlive(pid) && !isAlive(child));
  });

  it("does not keep its process alive: one that ends in order takes its commands along", async () => {
    const owner = await ownerOf(
      { command: "echo $$ > pid; sleep 60" },
      "process.once('SIGTERM', () => clearInterval(busy));",
    );
    const pid = await pidIn("pid");
    const ended = new Promise((resolve) => owner.once("exit", resolve));
    owner.kill("SIGTERM");
    expect(await ended).toBe(0);
    await until("the command to be gone", () => !isAlive(pid));
  });

  it("rule 19: dies at once when its process no longer writes", async () => {
    const begun = await begin(shellRun, { command: `trap '' TERM; echo $$ > pid; sleep 60` }, { host: host() });
    const pid = await pidIn("pid");
    letGo();
    await until("the command to be gone", () => !isAlive(pid));
    expect(await ended(begun)).toEqual({ kind: "unseen" });
  });
});

/** A process of its own, with nothing in it but the operator, that has begun the command. */
async function ownerOf(params: object, also = ""): Promise<ChildProcess> {
  const operator = JSON.stringify(resolve("operators/shell-run/operator.ts"));
  const context = { launchKey: "k".repeat(48), dagId: "d", dagRunId: "r", taskId: "t", tryNumber: 1, isRepeat: false };
  const program = `import { shellRun } from ${operator};
    const busy = setInterval(() => undefined, 1000);
    ${also}
    const host = { projectFolder: ${JSON.stringify(project)}, environment: { PATH: process.env.PATH }, maxCommands: 1 };
    const operator = shellRun(host);
    const context = { ...${JSON.stringify(context)}, mayStillSend: () => true };
    await operator.submit(operator.params.parse(${JSON.stringify(params)}), context);`;
  writeFileSync(join(project, "owner.ts"), program);
  const bundle = await rolldown({ input: join(project, "owner.ts"), platform: "node" });
  await bundle.write({ file: join(project, "owner.mjs"), codeSplitting: false });
  await bundle.close();
  return spawn(process.execPath, [join(project, "owner.mjs")], { stdio: "inherit" });
}
