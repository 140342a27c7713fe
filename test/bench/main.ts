import { availableParallelism } from "node:os";
import { airflow } from "./airflow.ts";
import { chain40 } from "./chain.ts";
import { demo, nights181 } from "./demo.ts";
import { largeBackfill } from "./large-backfill.ts";
import { largeDag } from "./large-dag.ts";
import { largeFiles } from "./large-files.ts";
import { largeHistory } from "./large-history.ts";
import { largeMemory } from "./large-memory.ts";
import { largeStart } from "./large-start.ts";
import type { Benchmark, Figure } from "./figures.ts";
import { inFlight } from "./in-flight.ts";
import { latency } from "./latency.ts";
import { soak } from "./soak.ts";
import { pipeline10m } from "./pipeline-10m.ts";
import { queues } from "./queues.ts";
import { scale } from "./scale.ts";
import { throughput } from "./throughput.ts";
import { takeover } from "./takeover.ts";
import { trigger } from "./trigger.ts";

const BENCHMARKS: readonly Benchmark[] = [
  demo,
  nights181,
  chain40,
  inFlight,
  largeBackfill,
  largeDag,
  largeFiles,
  largeHistory,
  largeMemory,
  largeStart,
  soak,
  throughput,
  scale,
  latency,
  takeover,
  trigger,
  pipeline10m,
  queues,
  airflow,
];
const USAGE = `npm run bench -- NAME [--json]\n\n${BENCHMARKS.map((each) => `  ${each.name.padEnd(12)} ${each.summary}`).join("\n")}\n`;

const argv = process.argv.slice(2);
const json = argv.includes("--json");
const [name] = argv.filter((word) => !word.startsWith("-"));
const chosen = BENCHMARKS.find((each) => each.name === name);

if (!chosen) {
  process.stdout.write(USAGE);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const settings: Record<string, string> = { cores: String(availableParallelism()), node: process.version };
  const figures = await chosen.run({
    progress: (line) => process.stderr.write(`${line}\n`),
    setting: (name, value) => (settings[name] = value),
  });
  const rest = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const text = `${figures.map(line).join("\n")}\n${rest.join(", ")}\n`;
  process.stdout.write(json ? `${JSON.stringify({ name: chosen.name, figures, settings })}\n` : text);
}

function line({ what, value, unit, target, ratio }: Figure): string {
  const aim = target === null ? "" : `  target ${target}`;
  return `${what.padEnd(46)} ${String(value).padStart(10)} ${unit}${aim}${ratio === null ? "" : `  x${ratio} of the reference`}`;
}
