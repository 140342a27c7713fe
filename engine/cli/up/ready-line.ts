import type { Role } from "../../core/roles.ts";
import type { TimeScale } from "../../core/time-scale.ts";
import type { MailRoute } from "../app.ts";
import { counted } from "../text/figures.ts";

/** What a system says of itself once it is ready. What a process without a role has nothing to say of is null. */
export interface ReadyFacts {
  /** Of the role `api`. */
  readonly url: string | null;
  readonly roles: readonly Role[];
  /** Of the role `engine`. */
  readonly dags: number | null;
  readonly home: string;
  /** Of the role `alert`. */
  readonly mail: MailRoute | null;
  /** Of the role `engine`: another process writes for the fleet; this one takes over when that one ends. */
  readonly standsBy: boolean | null;
  /** null: it works on AWS, and by the wall's clock. */
  readonly time: TimeScale | null;
}

/** The one line on standard output: other programs wait for it. */
export function readyLine({ url, roles, dags, mail, standsBy, time }: ReadyFacts): string {
  const parts = [
    roles.join(", "),
    ...(dags === null ? [] : [counted(dags, "DAG")]),
    ...(mail?.kind === "inbox" ? [`inbox: ${mail.folder}`] : mail?.kind === "none" ? ["mails wait: no SMTP_URL"] : []),
    ...(time === null ? [] : ["LOCAL"]),
    ...(time === null || time.factor === 1 ? [] : [`time runs ${time.factor} times as fast`]),
    ...(standsBy === true ? ["stands by: another process writes for this fleet"] : []),
  ];
  return `nocturne is ready${url === null ? "" : ` at ${url}`}  (${parts.join("; ")})`;
}

export function readyDocument({ url, roles, dags, home, mail, standsBy, time }: ReadyFacts): object {
  return {
    ready: true,
    url,
    roles,
    dags,
    home,
    pid: process.pid,
    mail: mail?.kind ?? null,
    inbox: mail?.kind === "inbox" ? mail.folder : null,
    stands_by: standsBy,
    local: time !== null,
    time_scale: time?.factor ?? 1,
  };
}
