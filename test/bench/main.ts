import { availableParallelism } from "node:os";
import { demo, nights181 } from "./demo.ts";
import { chain40 } from "./engine.ts";
import type { Benchmark, Figure } from "./figures.ts";
import { trigger } from "./trigger.ts";

const BENCHMARKS: readonly Benchmark[] = [demo, nights181, chain40, trigger];
const USAGE = `npm run bench -- NAME [--json]\n\n${BENCHMARKS.map((each) => `  ${each.name.padEnd(12)} ${each.summary}`).join("\n")}\n`;

const argv = process.argv.slice(2);
const json = argv.includes("--json");
const [name] = argv.filter((word) => !word.startsWith("-"));
const chosen = BENCHMARKS.find((each) => each.name === name);

if (!chosen) {
  process.stdout.write(USAGE);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const figures = await chosen.run((line) => process.stderr.write(`${line}\n`));
  const document = {
    name: chosen.name,
    figures,
    cores: availableParallelism(),
    node: process.version,
    postgres: "18.4 (embedded), fsync on, synchronous_commit on",
  };
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${figures.map(line).join("\n")}\n`);
}

function line({ what, value, unit, target, ratio }: Figure): string {
  const aim = target === null ? "" : `  target ${target}`;
  return `${what.padEnd(46)} ${String(value).padStart(10)} ${unit}${aim}${ratio === null ? "" : `  x${ratio} of the reference`}`;
}
