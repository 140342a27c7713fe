import { ERRORS } from "../../core/errors.ts";
import { findPackage } from "../../local/postgres/binaries.ts";
import { checkMail } from "../doctor/check-mail.ts";
import { checkAws, checkDatabase, checkHome, checkNode, type Finding } from "../doctor/checks.ts";
import { EXIT } from "../exit-codes.ts";
import { readDags } from "../read-dags.ts";
import { problemsOf } from "../report-error.ts";
import type { Session } from "../session.ts";
import { counted } from "../text/figures.ts";
import type { Config } from "../../config.ts";

/** `doctor`: looks at everything a run needs and says how to mend what is missing. Never throws. */
export async function doctor(session: Session): Promise<number> {
  const { out } = session;
  const findings: Finding[] = [checkNode(), checkPrograms()];
  const config = await attempt(() => session.config());
  if ("what" in config) findings.push(config);
  else {
    findings.push({ what: "Settings", state: "ok", message: config.file ?? "none, all defaults" });
    findings.push(
      ...(await Promise.all([
        checkHome(config),
        checkDatabase(config),
        checkDags(session, config),
        checkAws(config),
        checkMail(config, session.app.mailRoute(config)),
      ])),
    );
  }
  const marks = {
    ok: out.colors.green("ok     "),
    warning: out.colors.yellow("warning"),
    missing: out.colors.red("missing"),
  };
  const widest = Math.max(...findings.map(({ what }) => what.length));
  for (const { what, state, message, advice } of findings) {
    out.print(`${marks[state]}  ${what.padEnd(widest)}  ${message}`);
    if (advice !== undefined) out.print(`${" ".repeat(widest + 11)}${advice}`);
  }
  const missing = findings.filter(({ state }) => state === "missing").length;
  out.print(
    missing === 0
      ? "\nReady: `nocturne demo` runs the sales pipeline here."
      : `\n${counted(missing, "thing")} to mend.`,
  );
  out.document({ ok: missing === 0, findings });
  return missing === 0 ? EXIT.done : EXIT.failed;
}

function checkPrograms(): Finding {
  const found = findPackage();
  if (found !== null) return { what: "Programs", state: "ok", message: `embedded Postgres ${found.version}` };
  const advice = "Run `npm ci` without --omit=optional, or set DATABASE_URL to a Postgres of your own.";
  const message = `no embedded Postgres for ${process.platform}-${process.arch}`;
  return { what: "Programs", state: "warning", message, advice };
}

async function checkDags(session: Session, config: Config): Promise<Finding> {
  const what = "DAGs";
  try {
    const { dags, problems } = await readDags(session, config);
    const message = `${counted(dags.length, "DAG")} in ${config.dagsFolder}`;
    if (problems.length === 0) return { what, state: "ok", message };
    const advice = "`nocturne dags check` shows each of them.";
    return { what, state: "missing", message: `${message}, ${counted(problems.length, "problem")}`, advice };
  } catch (error) {
    return broken(what, error);
  }
}

async function attempt(read: () => Promise<Config>): Promise<Config | Finding> {
  try {
    return await read();
  } catch (error) {
    return broken("Settings", error);
  }
}

function broken(what: string, error: unknown): Finding {
  const [problem] = problemsOf(error);
  const place = problem?.at === undefined ? "" : `${problem.at.file}:${problem.at.line ?? 1}: `;
  return {
    what,
    state: "missing",
    message: `${place}${problem?.message ?? ""}`,
    advice: ERRORS[problem?.code ?? "INTERNAL"],
  };
}
