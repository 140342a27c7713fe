import type { FastifyRequest } from "fastify";
import type { Store } from "../store/open.ts";
import { TOKEN_ROLES, findToken, type ApiToken, type TokenRole } from "../store/tokens.ts";
import { ApiError } from "./answer-error.ts";

const REALM = `Bearer realm="nocturne"`;

const REFUSED = {
  unknown: "the token is not known here",
  revoked: "the token has been revoked",
  expired: "the token has expired",
} as const;

/** Whose request this is. Throws 401 for everything but a valid token. */
export async function authenticate(store: Store, request: FastifyRequest): Promise<ApiToken> {
  const { authorization } = request.headers;
  const [, secret] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
  if (secret === undefined) {
    const detail = "this needs a token: Authorization: Bearer nct_…";
    throw new ApiError(401, "UNAUTHENTICATED", detail, { "www-authenticate": REALM });
  }
  const verdict = await findToken(store, secret);
  if (verdict.kind === "valid") return verdict.token;
  throw new ApiError(401, "UNAUTHENTICATED", REFUSED[verdict.kind], {
    "www-authenticate": `${REALM}, error="invalid_token"`,
  });
}

const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Throws 403 unless the caller's role and globs allow the request. `~` is answered with what the caller may see. */
export function authorize(caller: ApiToken, request: FastifyRequest): void {
  const needed: TokenRole = READING.has(request.method) ? "viewer" : "operator";
  if (TOKEN_ROLES.indexOf(caller.role) < TOKEN_ROLES.indexOf(needed)) {
    throw new ApiError(403, "FORBIDDEN", `this needs the role ${needed}; the token ${caller.id} has ${caller.role}`);
  }
  const { dag_id: dagId } = (request.params ?? {}) as { readonly dag_id?: string };
  if (dagId !== undefined && dagId !== "~" && !allows(caller, dagId)) {
    throw new ApiError(403, "FORBIDDEN", `the token ${caller.id} does not reach the DAG ${dagId}`);
  }
}

/** Whether one of the token's globs matches the DAG's id. */
export function allows({ dags }: ApiToken, dagId: string): boolean {
  return dags.some((glob) => {
    const pattern = glob
      .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    return new RegExp(`^${pattern}$`, "su").test(dagId);
  });
}

/** Globs of what the caller may see. Only for paths that are not open. */
export function visibleTo({ caller }: FastifyRequest): readonly string[] {
  return caller?.dags ?? [];
}
