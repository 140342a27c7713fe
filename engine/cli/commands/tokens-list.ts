import { listTokens, type ApiToken } from "../../store/tokens.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";
import { isoOrNull, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** `tokens list`: every token, the newest first, revoked and expired ones too. */
export async function tokensList(session: Session): Promise<number> {
  const { out } = session;
  const tokens = await withStore(session, await session.config(), listTokens);
  const now = Date.now();
  const titles = ["ID", "ROLE", "DAGS", "STATE", "EXPIRES", "LAST USED", "NOTE"].map((title) => ({ title }));
  const cells = tokens.map((token) => [
    token.id,
    token.role,
    token.dags.join(","),
    tokenState(token, now),
    timeText(token.expiresAt) || "never",
    timeText(token.lastUsedAt) || "never",
    token.note,
  ]);
  if (tokens.length === 0) out.print("There are no tokens.");
  else for (const line of table(titles, cells)) out.print(line);
  out.document({
    tokens: tokens.map((token) => ({
      id: token.id,
      role: token.role,
      dags: token.dags,
      state: tokenState(token, now),
      note: token.note,
      created_at: isoOrNull(token.createdAt),
      expires_at: isoOrNull(token.expiresAt),
      revoked_at: isoOrNull(token.revokedAt),
      last_used_at: isoOrNull(token.lastUsedAt),
    })),
  });
  return EXIT.done;
}

/** active, revoked or expired. */
export function tokenState({ revokedAt, expiresAt }: Pick<ApiToken, "revokedAt" | "expiresAt">, now: number): string {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && expiresAt <= now ? "expired" : "active";
}
