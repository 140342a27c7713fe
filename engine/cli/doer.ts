import { hostname, userInfo } from "node:os";

/** Who types this command and on which machine, as the audit log says it. */
export function doer(): { readonly by: string; readonly from: string } {
  return { by: `cli:${userName()}`, from: hostname() };
}

/** A process without an entry among the users, as in some containers, has a number alone. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
