import type { TimeScale } from "../../core/time-scale.ts";
import type { MailRoute } from "../app.ts";
import { counted } from "../text/figures.ts";

/** What a system says of itself once it is ready. */
export interface ReadyFacts {
  readonly url: string;
  readonly dags: number;
  readonly home: string;
  readonly mail: MailRoute;
  /** Another process writes for the fleet; this one takes over when that one ends. */
  readonly standsBy: boolean;
  /** null: it works on AWS, and by the wall's clock. */
  readonly time: TimeScale | null;
}

/** The one line on standard output: other programs wait for it. */
export function readyLine({ url, dags, mail, standsBy, time }: ReadyFacts): string {
  const parts = [
    counted(dags, "DAG"),
    ...(mail.kind === "inbox" ? [`inbox: ${mail.folder}`] : mail.kind === "none" ? ["mails wait: no SMTP_URL"] : []),
    ...(time === null ? [] : ["LOCAL"]),
    ...(time === null || time.factor === 1 ? [] : [`time runs ${time.factor} times as fast`]),
    ...(standsBy ? ["stands by: another process writes for this fleet"] : []),
  ];
  return `nocturne is ready at ${url}  (${parts.join("; ")})`;
}

export function readyDocument({ url, dags, home, mail, standsBy, time }: ReadyFacts): object {
  return {
    ready: true,
    url,
    dags,
    home,
    pid: process.pid,
    mail: mail.kind,
    inbox: mail.kind === "inbox" ? mail.folder : null,
    stands_by: standsBy,
    local: time !== null,
    time_scale: time?.factor ?? 1,
  };
}
