// Checks the models with spin: node docs/model/check.js [NAME...] [--json] [--list]
// Without a name every run. A run of the protocol must find nothing; one with a safeguard taken away must find what goes wrong.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";

const here = import.meta.dirname;
const call = promisify(execFile);

const MEMORY_MB = 900;
const LIMIT_MS = 600_000;

const holds = (name, model, says, more = {}) => ({ name, model, flags: [], claims: [], finds: false, says, ...more });
const breaks = (flag, model, says, more = {}) => ({ ...holds(flag, model, says), flags: [flag], finds: true, ...more });

export const RUNS = [
  holds("writer", "writer", "only the holder commits, nothing is lost, a lease that is believed in is true"),
  breaks("FENCE_BY_EXISTS", "writer", "the fence asks whether the row is ours, and does not lock it"),
  breaks("LOAD_FIRST", "writer", "what is stored is read before the row is taken"),
  breaks("NO_RETAKE", "writer", "after a flush without an answer everything is read, but the row is not taken again"),
  breaks("KEEP_MEMORY", "writer", "a flush without an answer is taken for rolled back, and sent again"),
  breaks("LIFE_FROM_THE_ANSWER", "writer", "the life of the row is counted from when the renewal was answered"),
  holds("launch", "launch", "one job for each key, nothing is signed after send_by", { flags: ["FAULTS=3"] }),
  holds("launch-ends", "launch", "every intent ends, and no job is forgotten", {
    claims: ["ends", "nothing_forgotten"],
  }),
  breaks("LATE_REQUEST", "launch", "a request arrives later than the assumption says"),
  holds("LATE_REQUEST-mended", "launch", "of the two jobs of a late request one is cancelled in the end", {
    flags: ["LATE_REQUEST", "ALLOW_DUPLICATES"],
    claims: ["mended"],
  }),
  holds("LATE_REQUEST-found", "launch", "a late request of an attempt that has ended without a job is found as well", {
    flags: ["LATE_REQUEST", "ALLOW_DUPLICATES"],
    claims: ["nothing_forgotten"],
  }),
  breaks("NO_WAIT", "launch", "a launch in doubt is searched for at once"),
  breaks("NO_SEND_BY", "launch", "a request is signed however old its intent is"),
  breaks("SEND_BEFORE_FLUSH", "launch", "a request may leave before its intent is durable"),
  breaks("SIGNS_WITHOUT_LEASE", "launch", "a process whose lease is over may sign"),
  breaks("SIGNS_IN_A_LATER_TERM", "launch", "a submit of an earlier term may sign in a later one", {
    flags: ["SIGNS_IN_A_LATER_TERM", "FAULTS=3"],
  }),
  breaks("BELIEVE_OLD_ANSWERS", "launch", "an answer that was got before another process wrote still counts", {
    flags: ["BELIEVE_OLD_ANSWERS", "FAULTS=3"],
  }),
  breaks("TRUST_OLD_TOKENS", "launch", "a token is sent again however old it is"),
  breaks("NO_LATE_SEARCH", "launch", "an attempt that has ended without a job is not searched for again", {
    flags: ["NO_LATE_SEARCH", "LATE_REQUEST", "ALLOW_DUPLICATES"],
    claims: ["nothing_forgotten"],
  }),
  breaks(
    "FORGETS_EARLIER_REQUESTS",
    "launch",
    "a repeat that was not sent ends an attempt, whatever was sent before it",
    {
      claims: ["nothing_forgotten"],
    },
  ),
];

/** What is missing on this machine; null: nothing. */
export function missing() {
  for (const [tool, option] of [
    ["spin", "-V"],
    ["cc", "--version"],
  ]) {
    try {
      execFileSync(tool, [option], { stdio: "ignore" });
    } catch {
      return tool;
    }
  }
  return null;
}

/** Makes the verifier of one run, lets it search, and says what it found: null or the sentence, and how it comes to it. */
export async function check(run) {
  const folder = mkdtempSync(join(tmpdir(), "nocturne-model-"));
  const began = performance.now();
  const at = { cwd: folder, maxBuffer: 64 << 20, timeout: LIMIT_MS };
  const source = join(here, `${run.model}.pml`);
  const flags = run.flags.map((flag) => `-D${flag}`);
  try {
    await call("spin", [...flags, "-a", source], at);
    const mode = run.claims.length > 0 ? ["-DNFAIR=3"] : ["-DSAFETY", "-DNOCLAIM"];
    // An error is found soon; to show that there is none takes a long search, which is worth compiling well.
    const speed = run.finds ? "-O0" : "-O2";
    await call("cc", ["-w", speed, "-DCOLLAPSE", `-DMEMLIM=${MEMORY_MB}`, ...mode, "-o", "pan", "pan.c"], at);
    const result = { name: run.name, states: 0, found: null, steps: [] };
    for (const claim of run.claims.length > 0 ? run.claims : [null]) {
      const asked = claim === null ? [] : ["-a", "-f", "-N", claim];
      const { stdout } = await call("./pan", ["-m100000", ...asked], at).catch((error) => error);
      if (!/errors: \d+/.test(stdout ?? "") || /max search depth too small|out of memory|memory bound/.test(stdout)) {
        throw new Error(`${run.name}: the search was not complete\n${stdout}`);
      }
      result.states += Number(/(\d+) states, stored/.exec(stdout)?.[1]);
      const [, assertion] = /assertion violated \(?(.*?)\)? \(at depth/.exec(stdout) ?? [];
      if (/errors: 0/.test(stdout)) continue;
      result.found = assertion ?? claim;
      result.steps = await steps(run, flags, source, folder);
    }
    return { ...result, seconds: (performance.now() - began) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The trail, step by step, in the model's own sentences. */
async function steps(run, flags, source, folder) {
  const { stdout } = await call("spin", ["-t", "-k", `${run.model}.pml.trail`, "-T", ...flags, source], {
    cwd: folder,
    maxBuffer: 64 << 20,
  }).catch((error) => error);
  return stdout
    .split("\n")
    .filter((line) => /^(a |an |the |engine |<<<<<START)/.test(line))
    .map((line) => line.replace(/<<<<<START.*/, "and from here on and on:"));
}

const isRight = (run, { found }) => (found !== null) === run.finds;

async function main(words) {
  const names = words.filter((word) => !word.startsWith("--"));
  if (words.includes("--list"))
    return console.log(JSON.stringify(RUNS.map(({ name, says, finds }) => ({ name, says, finds }))));
  const tool = missing();
  if (tool !== null) throw new Error(`${tool} is not installed here`);
  for (const run of RUNS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const result = await check(run);
    if (!isRight(run, result)) process.exitCode = 1;
    if (words.includes("--json")) console.log(JSON.stringify(result));
    else {
      const told = result.found === null ? "nothing found" : `finds ${result.found}`;
      console.log(
        `${run.name.padEnd(26)}${String(result.states).padStart(9)} states ${result.seconds.toFixed(1).padStart(6)} s  ${told}`,
      );
      if (names.length > 0 || !isRight(run, result)) for (const step of result.steps) console.log(`    ${step}`);
    }
  }
}

if (import.meta.filename === process.argv[1]) await main(process.argv.slice(2));
