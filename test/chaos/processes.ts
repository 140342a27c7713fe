import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, openSync } from "node:fs";
import { join, resolve } from "node:path";

// Started as it is: the command's own look for newer sources costs a second, and another build would mix versions.
const PROGRAM = resolve(import.meta.dirname, "../../dist/engine/main.js");

/** SIGKILL, and its end. */
export async function kill(child: ChildProcess | null): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

interface Running {
  readonly name: string;
  readonly child: ChildProcess;
  isFrozen: boolean;
}

/** The `nocturne up` processes of one fleet, oldest first. */
export class Processes {
  /** One that ended although nobody killed it. */
  readonly surprises: string[] = [];
  private readonly folder: string;
  private running: Running[] = [];
  private started = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  get count(): number {
    return this.running.length;
  }

  start(): string {
    const name = `up-${++this.started}`;
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: "1" };
    for (const key of Object.keys(env)) if (/^(NOCTURNE_|DATABASE_URL$)/.test(key)) delete env[key];
    const child = spawn(process.execPath, [PROGRAM, "up", "--roles", "engine", "--json"], {
      cwd: this.folder,
      env,
      stdio: ["ignore", log, log],
    });
    const running = { name, child, isFrozen: false };
    this.running.push(running);
    child.once("exit", (code, signal) => {
      this.running = this.running.filter((each) => each !== running);
      if (signal !== "SIGKILL") this.surprises.push(`${name} ended by itself: ${code ?? signal}`);
    });
    return name;
  }

  async kill(which: "oldest" | "newest"): Promise<string> {
    const chosen = this.chosen(which);
    await kill(chosen?.child ?? null);
    return chosen?.name ?? "nobody";
  }

  async killAll(): Promise<void> {
    await Promise.all(this.running.map(({ child }) => kill(child)));
  }

  /** Stops one in the middle of whatever it does; answers what lets it go on. */
  freeze(which: "oldest" | "newest"): { readonly name: string; readonly thaw: () => void } {
    const chosen = this.chosen(which);
    if (!chosen) return { name: "nobody", thaw: () => undefined };
    chosen.isFrozen = true;
    chosen.child.kill("SIGSTOP");
    const thaw = (): void => {
      chosen.isFrozen = false;
      chosen.child.kill("SIGCONT");
    };
    return { name: chosen.name, thaw };
  }

  tell(line: string): void {
    appendFileSync(join(this.folder, "story.log"), `${new Date().toISOString()} ${line}\n`);
  }

  private chosen(which: "oldest" | "newest"): Running | undefined {
    const awake = this.running.filter(({ isFrozen }) => !isFrozen);
    return which === "oldest" ? awake[0] : awake.at(-1);
  }
}
