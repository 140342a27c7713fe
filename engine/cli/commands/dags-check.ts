import { EXIT } from "../exit-codes.ts";
import { readDags, readNamedDags } from "../read-dags.ts";
import type { Session } from "../session.ts";
import { showProblem } from "../show-problem.ts";
import { counted } from "../text/figures.ts";

/** So many are named in the answer; --json has them all. */
const MOST_NAMED = 20;

/** `dags check [FILE…]`: every problem of every file at once. */
export async function dagsCheck(session: Session, files: readonly string[]): Promise<number> {
  const { out, cwd } = session;
  const config = await session.config();
  const found = files.length === 0 ? await readDags(session, config) : await readNamedDags(session, config, files);
  const { dags, problems } = found;
  for (const problem of problems) out.print(showProblem(problem, { cwd, color: out.colors.isColorSupported }));
  const named = dags.slice(0, MOST_NAMED).map(({ spec }) => spec.dagId);
  const more = dags.length > named.length ? `, and ${dags.length - named.length} more` : "";
  out.print(
    problems.length > 0
      ? `\n${out.colors.red(counted(problems.length, "problem"))}`
      : `${counted(dags.length, "DAG")} checked, no problems: ${named.join(", ")}${more}`,
  );
  out.document({
    ok: problems.length === 0,
    dags: dags.map(({ spec, source }) => ({ dag_id: spec.dagId, file: source.file })),
    problems: problems.map(({ code, message, at, didYouMean }) => ({
      code,
      message,
      file: at?.file ?? null,
      line: at?.line ?? null,
      column: at?.column ?? null,
      did_you_mean: didYouMean ?? null,
    })),
  });
  return problems.length > 0 ? EXIT.failed : EXIT.done;
}
