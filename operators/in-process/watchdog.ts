import { spawn, type ChildProcess } from "node:child_process";

/**
 * Reads "+ <group>" and "- <group>", and at the end of its input kills every group that is still on its list. The input
 * ends when the process that holds its other end is gone, however it went: the kernel closes the pipe even after kill -9.
 */
const SCRIPT = `groups=" "
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done`;

const guarded = new Set<number>();
let dog: ChildProcess | null = null;

/**
 * Has the process group killed when this process dies. Resolves once that is certain: the words are in the pipe, and a
 * pipe is read to its end. Rejects when there is no watchdog to be had.
 */
export async function guard(group: number): Promise<void> {
  guarded.add(group);
  await tell(watchdog(), `+ ${group}\n`);
}

/** The group has ended: its number may soon be another's. */
export function release(group: number): void {
  guarded.delete(group);
  if (dog?.stdin?.writable) dog.stdin.write(`- ${group}\n`);
}

/** One for this process, started with the first group; a new one takes over the list of one that somebody ended. */
function watchdog(): ChildProcess {
  if (dog !== null) return dog;
  // A session of its own: Ctrl-C in our terminal must not end it before us.
  const child = spawn("/bin/sh", ["-c", SCRIPT], { detached: true, stdio: ["pipe", "ignore", "ignore"], cwd: "/" });
  dog = child;
  child.unref();
  child.stdin.on("error", () => undefined);
  (child.stdin as unknown as { unref(): void }).unref();
  const gone = (): void => {
    if (dog === child) dog = null;
    if (guarded.size > 0 && dog === null)
      for (const group of guarded) tell(watchdog(), `+ ${group}\n`).catch(() => undefined);
  };
  child.once("exit", gone);
  child.once("error", () => {
    if (dog === child) dog = null;
  });
  return child;
}

const tell = ({ stdin }: ChildProcess, words: string): Promise<void> =>
  new Promise((resolve, reject) => {
    if (!stdin) reject(new Error("the watchdog could not be started"));
    else stdin.write(words, (error) => (error ? reject(error) : resolve()));
  });
