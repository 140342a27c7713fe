import { parseDuration } from "../../core/duration.ts";
import { NocturneError } from "../../core/errors.ts";
import { createToken, type TokenRole } from "../../store/tokens.ts";
import { doer } from "../doer.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";

interface CreateOptions {
  readonly role: TokenRole;
  /** Globs, parted by commas. */
  readonly dags?: string;
  readonly expires: string;
  readonly note?: string;
}

/** `tokens create --role R`: the one time its secret is shown. Tokens live by the wall's clock, whatever the engine's shows. */
export async function tokensCreate(
  session: Session,
  _args: readonly string[],
  options: CreateOptions,
): Promise<number> {
  const { out } = session;
  const expiresAt = expiryOf(options.expires, Date.now());
  const dags = globsOf(options.dags ?? "*");
  const { role, note = "" } = options;
  const config = await session.config();
  const made = await withStore(session, config, (store) =>
    createToken(store, { role, dags, expiresAt, note, by: doer() }),
  );
  const expires = made.expiresAt === null ? null : new Date(made.expiresAt).toISOString();
  out.print(made.token);
  out.progress(
    `${made.id}, ${role}, ${expires === null ? "never expires" : `expires ${expires}`}. It is not shown again.`,
  );
  out.document({ token: made.token, id: made.id, role, expires_at: expires });
  return EXIT.done;
}

/** When a token made `now` expires: after "90d", "12h", …; null for "never". Throws USAGE. */
export function expiryOf(text: string, now: number): number | null {
  if (text === "never") return null;
  const ms = parseDuration(text);
  // Postgres and Date both know that moment; beyond it "never" is meant.
  if (ms === null || ms <= 0 || ms > 36_525 * 86_400_000) {
    throw usage(`--expires ${text}: expected a time such as 90d or 12h, or never`);
  }
  return now + ms;
}

/** The globs of "sales_*,stock". Throws USAGE for what no DAG id can be. */
export function globsOf(text: string): string[] {
  const globs = text.split(",").map((glob) => glob.trim());
  const wrong = globs.find((glob) => !/^[A-Za-z0-9_.*?-]+$/.test(glob));
  if (wrong !== undefined) throw usage(`--dags ${text}: ${wrong === "" ? "an empty name" : wrong} is no name of DAGs`);
  return globs;
}

const usage = (message: string): NocturneError => new NocturneError({ code: "USAGE", message });
