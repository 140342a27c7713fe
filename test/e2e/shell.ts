import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./project.ts";

/** What a block of commands has said. */
interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/** A shell that one person types blocks into, one after the other: what a block sets, the next one finds. */
export class Shell {
  private readonly child: ChildProcess;
  private readonly scratch: string;
  private readonly name: string;
  private typed = 0;
  private ended = "";

  /** In `folder`, with scratch files in `scratch`; the first command that fails ends it. */
  constructor(name: string, folder: string, scratch: string, env: NodeJS.ProcessEnv) {
    this.name = name;
    this.scratch = scratch;
    this.child = spawn("bash", ["-e"], { cwd: folder, env, detached: true, stdio: ["pipe", "pipe", "ignore"] });
    this.child.stdout?.on("data", (data: Buffer) => (this.ended += data.toString()));
  }

  /** Types a block and waits for its end. */
  async run(block: string): Promise<Said> {
    const { said, end } = this.type(block);
    await end();
    return said();
  }

  /** Types a block that may run on: what it has said so far, and its end. */
  type(block: string): { readonly said: () => Said; readonly end: () => Promise<void> } {
    const number = (this.typed += 1);
    const file = (kind: string): string => join(this.scratch, `${this.name}-${number}.${kind}`);
    for (const kind of ["out", "err"]) writeFileSync(file(kind), "");
    writeFileSync(file("sh"), block);
    this.child.stdin?.write(
      `. "${file("sh")}" </dev/null >"${file("out")}" 2>"${file("err")}"\necho "end ${number}"\n`,
    );
    const said = (): Said => ({ stdout: readFileSync(file("out"), "utf8"), stderr: readFileSync(file("err"), "utf8") });
    const end = async (): Promise<void> => {
      await until(
        `the end of\n${block}`,
        () => {
          if (this.ended.includes(`end ${number}\n`)) return true;
          if (this.isGone) throw new Error(`failed:\n${block}\n${said().stdout}\n${said().stderr}`);
          return false;
        },
        200_000,
      );
    };
    return { said, end };
  }

  /** Ctrl-C, to everything that runs in it; without a terminal the shell itself ends by it too. */
  async interrupt(): Promise<void> {
    const closed = new Promise((resolve) => this.child.once("exit", resolve));
    this.signal("SIGINT");
    await closed;
  }

  async close(): Promise<void> {
    if (this.isGone) return;
    const closed = new Promise((resolve) => this.child.once("exit", resolve));
    this.signal("SIGKILL");
    await closed;
  }

  private get isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private signal(signal: NodeJS.Signals): void {
    if (this.child.pid !== undefined) process.kill(-this.child.pid, signal);
  }
}
