// The import table of the architecture: what a room's row does not list of our own rooms is an error.
const own = "^(engine|operators|deploy|web|test)/";

/** `from` may import, of our own code, only `allowed`. */
const room = (name, from, allowed) => ({
  name,
  severity: "error",
  from: { path: from },
  to: { path: own, pathNot: allowed },
});

/** `from` may use, of npm and Node, only `allowed`. */
const packages = (name, from, allowed) => ({
  name: `${name}-packages`,
  severity: "error",
  from: { path: from },
  to: { dependencyTypes: ["npm", "npm-dev", "npm-optional", "core"], pathNot: allowed },
});

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
    room("core", "^engine/core/", ["^engine/core/"]),
    packages("core", "^engine/core/", ["node_modules/(graphology|croner|temporal-|decimal\\.js|zod|events)"]),
    {
      name: "core-zod-as-type",
      severity: "error",
      from: { path: "^engine/core/" },
      to: { path: "node_modules/zod", dependencyTypesNot: ["type-only"] },
    },
    room("dagfile", "^engine/dagfile/", ["^engine/(core|dagfile)/"]),
    packages("dagfile", "^engine/dagfile/", ["node_modules/(yaml|zod|liquidjs)/", "^(fs|path|crypto|url)"]),
    room("store", "^engine/store/", ["^engine/(core|store)/"]),
    packages("store", "^engine/store/", ["node_modules/(kysely|pg|@types/pg)/", "^(fs|path|url|crypto|stream|zlib)"]),
    room("runtime", "^engine/runtime/", ["^engine/(core|store|runtime)/"]),
    packages("runtime", "^engine/runtime/", [
      "^(timers|events|async_hooks|crypto|os|perf_hooks|util)",
      "node_modules/(pino|@types)",
    ]),
    room("notify", "^engine/notify/", ["^engine/(core|notify)/", "^engine/store/(outbox|open|approval-links)\\.ts$"]),
    packages("notify", "^engine/notify/", ["node_modules/(nodemailer|@types/nodemailer)/", "^(fs|path|timers|crypto)"]),
    // As the commands: reads, the inbox, what opens the store; a trigger is an insert (protocol rule 31).
    room("api", "^engine/api/", [
      "^engine/(core|dagfile|api)/",
      "^engine/config\\.ts$",
      "^engine/store/(read-models/|inbox\\.ts$|trigger\\.ts$|tokens\\.ts$|approval-links\\.ts$|import-errors\\.ts$|load\\.ts$|open\\.ts$)",
      "^engine/runtime/engine\\.ts$",
    ]),
    room("local", "^engine/local/", ["^engine/(core|local)/"]),
    // Of the store and the runtime, commands use what opens them, reads, and the inbox; what they write goes through it.
    room("cli", "^engine/cli/", [
      "^engine/(core|dagfile|local|cli)/",
      "^engine/config\\.ts$",
      "^engine/store/(read-models/|inbox\\.ts$|load\\.ts$|open\\.ts$|tokens\\.ts$|import-errors\\.ts$)",
      // Its types: the work itself is handed over by the composition root.
      "^engine/store/archive/archive\\.ts$",
      "^engine/runtime/engine\\.ts$",
    ]),
    room("config", "^engine/config\\.ts$", ["^engine/core/"]),
    packages("config", "^engine/config\\.ts$", ["node_modules/(yaml|zod)/", "^(fs|path|os)"]),
    room("operators-aws", "^operators/aws/", ["^operators/aws/", "^engine/core/"]),
    room("operators-in-process", "^operators/in-process/", ["^operators/in-process/", "^engine/core/"]),
    {
      name: "operators",
      severity: "error",
      from: { path: "^operators/(?!(?:aws|in-process)/)([^/]+)/" },
      to: { path: own, pathNot: ["^operators/(aws|in-process)/", "^operators/$1/", "^engine/core/"] },
    },
    // Work on this machine: what an operator for AWS has no business with.
    packages("operators-here", "^operators/(in-process|shell-run|http-request|sql-postgres|email-send)/", [
      "node_modules/(pg|@types/pg|zod)/",
      "^(fs|path|crypto|child_process|stream|string_decoder|timers)",
    ]),
    packages("operators", "^operators/(?!(?:in-process|shell-run|http-request|sql-postgres|email-send)/)", [
      "node_modules/(@aws-sdk|@smithy|zod|decimal\\.js)/",
      "^(path|crypto|util|zlib|stream|buffer)",
    ]),
    {
      name: "params-load-without-clients",
      comment: "A DAG is read without the AWS clients: they are slow to load.",
      severity: "error",
      from: { path: "^operators/[^/]+/params\\.ts$" },
      to: { path: "node_modules/@aws-sdk/client-", dependencyTypesNot: ["type-only", "dynamic-import"] },
    },
    room("operators-index", "^operators/index\\.ts$", ["^operators/", "^engine/core/"]),
    room("local-aws", "^deploy/local-aws/", ["^deploy/local-aws/"]),
    {
      name: "nobody-imports-main",
      severity: "error",
      from: { pathNot: "^test/" },
      to: { path: "^engine/(main|read-thread)\\.ts$" },
    },
    { name: "nobody-imports-test", severity: "error", from: { pathNot: "^test/" }, to: { path: "^test/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|node_modules)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
