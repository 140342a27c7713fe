import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig, withLocalAws, type ConfigFlags } from "../../engine/config.ts";
import { NocturneError, type Problem } from "../../engine/core/errors.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";

let cwd: string;
beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), "nocturne-config-"))));
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const load = (flags: ConfigFlags = {}, env: NodeJS.ProcessEnv = {}) => loadConfig({ flags, env, cwd });
const write = (text: string, folder = cwd) => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "nocturne.yaml"), text);
};

function problems(action: () => unknown): readonly Problem[] {
  try {
    action();
  } catch (error) {
    if (error instanceof NocturneError) return error.problems;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("the configuration", () => {
  test("has a default for everything", () => {
    expect(load()).toMatchObject({
      file: null,
      home: join(cwd, ".nocturne"),
      databaseUrl: null,
      fleet: "nocturne",
      dagsFolder: join(cwd, "dags"),
      aws: "cloud",
      engine: DEFAULT_SETTINGS,
      connections: { default: { name: "default", region: "us-east-1", settings: {} } },
    });
  });

  test("a flag goes before the environment, and the environment before the file", () => {
    write("fleet: from_file\ndatabase_url: postgres://file/a\n");
    expect(load().fleet).toBe("from_file");
    expect(load({}, { NOCTURNE_FLEET: "from_env" }).fleet).toBe("from_env");
    expect(load({ fleet: "from_flag" }, { NOCTURNE_FLEET: "from_env" }).fleet).toBe("from_flag");
    expect(load().databaseUrl).toBe("postgres://file/a");
    expect(load({}, { DATABASE_URL: "postgres://env/a" }).databaseUrl).toBe("postgres://env/a");
    expect(load({ databaseUrl: "postgres://flag/a" }, { DATABASE_URL: "postgres://env/a" }).databaseUrl).toBe(
      "postgres://flag/a",
    );
  });

  test("the roles are all three, or those of the flag, the environment or the file, each once", () => {
    expect(load().roles).toEqual(["engine", "api", "alert"]);
    expect(load({ roles: "alert, engine,alert" }, { NOCTURNE_ROLES: "api" }).roles).toEqual(["engine", "alert"]);
    expect(load({}, { NOCTURNE_ROLES: "api" }).roles).toEqual(["api"]);
    write("roles: [api, alert]\n");
    expect(load().roles).toEqual(["api", "alert"]);
  });

  test.each([
    [
      "enginee",
      "--roles enginee: there is no role enginee (did you mean engine?); expected some of engine, api, alert",
    ],
    ["", "--roles : no role is named; expected some of engine, api, alert"],
    ["api,,alert", "--roles api,,alert: a name is missing; expected some of engine, api, alert"],
  ])("the roles %j are refused in a sentence", (roles, sentence) => {
    const [problem] = problems(() => load({ roles }));
    expect(problem).toMatchObject({ code: "USAGE", message: expect.stringContaining(sentence) as string });
  });

  test("paths in the file are relative to the file, paths of flags to where one stands", () => {
    const home = join(cwd, "elsewhere");
    write("home: .\ndags_folder: ../pipelines\n", home);
    expect(load({ home: "elsewhere" })).toMatchObject({ home, dagsFolder: join(cwd, "pipelines") });
    expect(load({ config: "elsewhere/nocturne.yaml" })).toMatchObject({ home, dagsFolder: join(cwd, "pipelines") });
  });

  test("a home that was named has its own settings, before those of the folder one stands in", () => {
    write("fleet: here\n");
    write("fleet: there\n", join(cwd, "home"));
    expect([load().fleet, load({ home: "home" }).fleet]).toEqual(["here", "there"]);
  });

  test("the environment of the DAGs is named by NOCTURNE_ENV, and names no other folder", () => {
    const inEnvironment = (name: string) => loadConfig({ flags: {}, env: { NOCTURNE_ENV: name }, cwd });
    expect([load().environment, inEnvironment("prod").environment]).toEqual([null, "prod"]);
    expect(() => inEnvironment("../prod")).toThrow("NOCTURNE_ENV ../prod: expected letters, digits, _ and - only");
  });

  test("durations, prices and connections are read", () => {
    write(
      [
        "engine: { poll_max: 10s, send_window: 500ms, visibility: 1m }",
        "prices: { glue.dpu_hour: 0.39 }",
        "connections: { default: { region: eu-west-1, artifacts: s3://a }, other: { role_arn: r } }",
      ].join("\n"),
    );
    expect(load()).toMatchObject({
      engine: { pollMaxMs: 10_000, sendWindowMs: 500, visibilityMs: 60_000, pollMinMs: DEFAULT_SETTINGS.pollMinMs },
      prices: { "glue.dpu_hour": "0.39" },
      connections: {
        default: { region: "eu-west-1", settings: { artifacts: "s3://a" } },
        other: { name: "other", region: "us-east-1", settings: { role_arn: "r" } },
      },
    });
  });

  test("every problem of the file is shown at its place, with the key that was meant", () => {
    write("flet: x\nengine:\n  pol_max: 3s\n  poll_min: soon\nfleet: No-Schema\n");
    const file = join(cwd, "nocturne.yaml");
    const found = problems(() => load());
    expect(found.map(({ code }) => code)).toEqual(Array(4).fill("CONFIG_INVALID"));
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ at: { file, line: 1, column: 1, length: 4 }, didYouMean: "fleet" }),
        expect.objectContaining({ at: { file, line: 3, column: 3, length: 7 }, didYouMean: "poll_max" }),
        expect.objectContaining({ at: expect.objectContaining({ line: 4, column: 13 }) as unknown }),
        expect.objectContaining({ at: expect.objectContaining({ line: 5, column: 8 }) as unknown }),
      ]),
    );
  });

  test("broken YAML is a problem with a line, and a named file that is missing is a problem of usage", () => {
    write("fleet: [a\n");
    expect(problems(() => load())[0]).toMatchObject({
      code: "CONFIG_INVALID",
      at: { line: expect.any(Number) as number },
    });
    expect(problems(() => load({ config: "no.yaml" }))).toMatchObject([{ code: "USAGE" }]);
    rmSync(join(cwd, "nocturne.yaml"));
    expect(problems(() => load({ fleet: "a b" }))).toMatchObject([{ code: "USAGE" }]);
    expect(problems(() => load({ aws: "moon" }))).toMatchObject([{ code: "USAGE" }]);
  });

  test("--aws local points every service of the default connection at local-aws and leaves the others alone", () => {
    write("connections: { other: { region: eu-west-1 } }\n");
    const config = withLocalAws(load({ aws: "local" }), "http://127.0.0.1:1");
    const endpoints = config.connections["default"]?.settings["endpoints"] as Record<string, string>;
    expect(Object.keys(endpoints).sort()).toEqual(["athena", "emr", "glue", "logs", "redshift_data", "s3", "sts"]);
    expect(new Set(Object.values(endpoints))).toEqual(new Set(["http://127.0.0.1:1"]));
    expect(config.connections["other"]?.region).toBe("eu-west-1");
  });

  test("mail settings are read from the environment before the file, and a password is never repeated", () => {
    write("smtp_url: smtp://file:25\nmail_from: Nocturne <n@example.com>\npublic_url: https://n.example.com/\n");
    expect(load()).toMatchObject({
      smtpUrl: "smtp://file:25",
      mailFrom: "Nocturne <n@example.com>",
      publicUrl: "https://n.example.com",
    });
    expect(load({}, { SMTP_URL: "smtps://env" }).smtpUrl).toBe("smtps://env");
    expect(load({}, { NOCTURNE_SMTP_URL: "smtp://own", SMTP_URL: "smtp://env" }).smtpUrl).toBe("smtp://own");
    for (const wrong of ["mail.example.com", "http://x", "smtp://"]) {
      expect(problems(() => load({}, { SMTP_URL: wrong }))).toMatchObject([{ code: "USAGE" }]);
    }
    const [problem] = problems(() => load({}, { SMTP_URL: "imap://user:secret@host" }));
    expect(problem?.message).not.toContain("secret");
    expect(problems(() => load({}, { NOCTURNE_MAIL_FROM: "nobody" }))).toMatchObject([{ code: "USAGE" }]);
    expect(problems(() => load({}, { NOCTURNE_PUBLIC_URL: "n.example.com" }))).toMatchObject([{ code: "USAGE" }]);
  });

  test("without mail settings mails come from nocturne@localhost and nothing else is decided", () => {
    expect(load()).toMatchObject({ smtpUrl: null, mailFrom: "nocturne@localhost", publicUrl: null, time: null });
  });

  test("a clock of its own goes with local-aws only, runs forward, and begins at an instant", () => {
    const local = (flags: ConfigFlags) => load({ aws: "local", ...flags }).time;
    expect(local({ timeScale: "600" })).toEqual({ factor: 600, from: null });
    expect(local({ timeScale: "2.5", timeFrom: "2026-01-31T01:50:00Z" })).toEqual({
      factor: 2.5,
      from: Date.UTC(2026, 0, 31, 1, 50),
    });
    expect(local({ timeFrom: "2026-01-31T01:50+01:00" })).toEqual({ factor: 1, from: Date.UTC(2026, 0, 31, 0, 50) });
    for (const timeScale of ["0", "0.5", "fast", "", "1e9"]) {
      expect(problems(() => local({ timeScale }))).toMatchObject([{ code: "USAGE" }]);
    }
    for (const timeFrom of ["tonight", "2026-01-31", "2026-01-31T01:50:00"]) {
      expect(problems(() => local({ timeFrom }))).toMatchObject([{ code: "USAGE" }]);
    }
    expect(problems(() => load({ timeScale: "600" }))).toMatchObject([
      { code: "USAGE", message: expect.stringContaining("--aws local") as string },
    ]);
  });

  test("runs stay for ever unless a retention is set; the archive's folder is the home's unless one is named", () => {
    expect(load().retention).toEqual({ runsMs: null, archiveTo: join(cwd, ".nocturne/archive") });
    write("retention: { runs: 400d, archive_to: old }\n");
    expect(load().retention).toEqual({ runsMs: 400 * 86_400_000, archiveTo: join(cwd, "old") });
    expect(load({}, { NOCTURNE_ARCHIVE_TO: "there" }).retention.archiveTo).toBe(join(cwd, "there"));
    write("retention: { runs: 7d, archive_to: null }\n");
    expect(load({ home: "h" }).retention).toEqual({ runsMs: 7 * 86_400_000, archiveTo: join(cwd, "h/archive") });
    write("retention: { runs: 6d }\n");
    expect(problems(load)).toMatchObject([{ code: "CONFIG_INVALID", at: { line: 1 } }]);
    write("retention: { archiv_to: old }\n");
    expect(problems(load)).toMatchObject([{ message: "retention.archiv_to: no such key", didYouMean: "archive_to" }]);
  });
});
