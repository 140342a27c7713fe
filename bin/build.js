#!/usr/bin/env node
// Makes dist/ of the sources (docs/adr/0014). Run by `npm ci` (through prepare) and, in a checkout, by bin/nocturne.js when a
// source is newer.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** Touched by every build that succeeded. */
const stamp = join(dist, ".built");

/** What is started, or imported by path. */
const ENTRIES = [
  "engine/main",
  "engine/read-thread",
  "engine/local/embedded-postgres",
  "deploy/local-aws/main",
  "deploy/local-aws/runner/main",
  "test/bench/main",
  "test/bench/in-flight-engine",
  "test/bench/in-flight-stub",
];

/** Packages that go into dist/, with what they import: their many files are what makes a command slow to start. */
const BUNDLED =
  /^(commander|croner|decimal\.js|fastify-type-provider-zod|graphology|kysely|liquidjs|picocolors|temporal-|yaml|zod)/;

/** ES modules of packages that offer Node CommonJS: what is not used of these is left out. */
const ES_MODULES = {
  liquidjs: join(root, "node_modules/liquidjs/dist/liquid.node.mjs"),
  yaml: join(root, "node_modules/yaml/browser/index.js"),
};

/** Read together, so kept together, each with all that it imports: what every command needs, and what reads DAG files. */
const GROUPS = [
  { name: "start", priority: 2, test: /engine[\\/]cli[\\/]run\.ts$/ },
  { name: "read-dags", priority: 1, test: /(engine[\\/]cli[\\/]read-dags|engine[\\/]config|operators[\\/]index)\.ts$/ },
];

/** How long files of earlier builds stay: a process that started from them may still load more of them. */
const KEPT_MS = 24 * 60 * 60 * 1_000;

/** Builds; answers null, or why that failed. Messages on the sources go to standard error. */
export async function build() {
  const began = new Date();
  const bundler = await import("rolldown").catch(() => null);
  if (bundler === null) return "nothing is installed yet; run `npm ci`";
  // Made aside and moved file by file: whoever starts meanwhile reads whole files.
  const aside = join(dist, `.building-${process.pid}`);
  try {
    const bundle = await bundler.rolldown({
      input: Object.fromEntries(ENTRIES.map((entry) => [entry, join(root, `${entry}.ts`)])),
      platform: "node",
      resolve: { alias: ES_MODULES },
      external: (id, importer) => isPackage(id) && !BUNDLED.test(id) && !importer?.includes("node_modules"),
    });
    const { output } = await bundle.write({
      dir: aside,
      entryFileNames: "[name].js",
      chunkFileNames: "chunks/[name]-[hash].js",
      codeSplitting: { groups: GROUPS },
      sourcemap: true,
      // As seen from where the file will be.
      sourcemapPathTransform: (path) => path.replace("../", ""),
    });
    await bundle.close();
    // What others import is moved before what imports it.
    const files = output.map(({ fileName }) => fileName).sort((a, b) => Number(isEntry(a)) - Number(isEntry(b)));
    for (const file of files) {
      mkdirSync(dirname(join(dist, file)), { recursive: true });
      renameSync(join(aside, file), join(dist, file));
    }
    forgetOthers(new Set(files));
  } catch (error) {
    console.error(error.message);
    return "the sources do not compile; see the messages above, then run `npm run build`";
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  writeFileSync(stamp, "");
  // What is saved while the sources are read is newer than this build.
  utimesSync(stamp, began, began);
  return null;
}

const isPackage = (id) => /^[@a-z]/.test(id) && !/^[a-z]:[\\/]/i.test(id);
const isEntry = (file) => ENTRIES.some((entry) => file.startsWith(`${entry}.js`));

function forgetOthers(made) {
  // What another build has aside comes and goes meanwhile.
  const folders = readdirSync(dist, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith(".building-"),
  );
  for (const { name } of folders) {
    for (const entry of readdirSync(join(dist, name), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || made.has(relative(dist, path).replaceAll(sep, "/"))) continue;
      const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > KEPT_MS) rmSync(path, { force: true });
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = await build();
  if (problem !== null) {
    console.error(`nocturne: ${problem}`);
    process.exitCode = 1;
  }
}
