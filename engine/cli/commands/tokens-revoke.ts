import { NocturneError } from "../../core/errors.ts";
import { revokeToken } from "../../store/tokens.ts";
import { doer } from "../doer.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";

/** `tokens revoke ID`: the token is refused from the next request on. Safe to repeat. */
export async function tokensRevoke(session: Session, [id = ""]: readonly string[]): Promise<number> {
  const { out } = session;
  const isThere = await withStore(session, await session.config(), (store) => revokeToken(store, id, doer()));
  // Who pastes the token itself would otherwise see its secret in a log.
  const name = id.startsWith("nct_") ? "that is a token, not its id" : `${id}: there is no such token`;
  if (!isThere) throw new NocturneError({ code: "TOKEN_NOT_FOUND", message: name });
  out.print(`${id} is revoked.`);
  out.document({ id, revoked: true });
  return EXIT.done;
}
