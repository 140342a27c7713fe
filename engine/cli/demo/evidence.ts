import { join } from "node:path";
import type { Store } from "../../store/open.ts";
import { listMails, type MailSummary } from "../../store/read-models/mails.ts";
import type { RunDetail } from "../../store/read-models/run-detail.ts";
import type { MailRoute } from "../app.ts";

/** A remote job as local-aws lists it. */
export interface RemoteJob {
  readonly service: string;
  readonly id: string;
  readonly launchKey: string | null;
  readonly state: string;
}

/** What a demo is to have shown: a sentence that says what did not happen, and whether it did. */
export interface Check {
  readonly missing: string;
  readonly isShown: boolean;
}

export const missingOf = (checks: readonly Check[]): string[] =>
  checks.filter(({ isShown }) => !isShown).map(({ missing }) => missing);

/** Every remote job of every service, as local-aws has them. */
export async function remoteJobs(url: string): Promise<readonly RemoteJob[]> {
  const answer = await fetch(`${url}/_local/runs`);
  return (await answer.json()) as readonly RemoteJob[];
}

/** The launch keys under which more than one remote job was started: none, ever. */
export function launchedTwice(jobs: readonly RemoteJob[]): string[] {
  const keys = jobs.flatMap(({ launchKey }) => launchKey ?? []);
  return [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))];
}

/** The outbox, oldest first. */
export const mailsOf = async (store: Store): Promise<MailSummary[]> => (await listMails(store)).toReversed();

/** Exactly one mail of this kind went out. */
export const oneMail = (mails: readonly MailSummary[], kind: MailSummary["kind"]): Check => {
  const ofKind = mails.filter((mail) => mail.kind === kind);
  const sent = ofKind.filter(({ state }) => state === "sent");
  const why = ofKind.find(({ lastError }) => lastError !== null)?.lastError;
  return {
    missing: `one ${kind} mail is sent: ${ofKind.length} written, ${sent.length} sent${why ? ` (${why})` : ""}`,
    isShown: ofKind.length === 1 && sent.length === 1,
  };
};

/** The state of the remote job behind a task's newest attempt; null: there is none. */
export function remoteState(detail: RunDetail, taskId: string, jobs: readonly RemoteJob[]): string | null {
  const attempt = detail.tasks.find((task) => task.taskId === taskId)?.attempts.at(-1);
  return jobs.find(({ launchKey }) => launchKey === attempt?.launchKey)?.state ?? null;
}

/** Each mail with where it went. */
export function mailLines(mails: readonly MailSummary[], route: MailRoute): string[] {
  if (mails.length === 0) return ["Mail       none"];
  const folder = route.kind === "inbox" ? route.folder : null;
  const where = folder === null ? "over SMTP_URL" : `in ${folder} (SMTP_URL is not set)`;
  return [
    `Mail       ${mails.length} ${where}`,
    ...mails.flatMap(({ kind, to, subject, state, lastError, messageId }) => [
      `           ${kind} to ${to}: ${subject}`,
      ...(state === "sent" ? [] : [`             ${state}: ${lastError ?? "not sent yet"}`]),
      ...(state === "sent" && folder !== null ? [`             ${join(folder, `${messageId}.eml`)}`] : []),
    ]),
  ];
}

/** A line for each attempt of the tasks that were tried more than once, or were ended. */
export function attemptLines({ tasks }: RunDetail, clock: (at: number) => string): string[] {
  const notable = tasks.filter(({ attempts }) => attempts.length > 1 || attempts.some(({ ending }) => ending !== null));
  return notable.flatMap(({ taskId, attempts }) =>
    attempts.map(({ tryNumber, submittedAt, endedAt, failure }) => {
      const from = submittedAt === null ? "not started" : clock(submittedAt);
      const to = endedAt === null ? "" : ` to ${clock(endedAt)}`;
      const how = failure === null ? "success" : `${failure.code}  ${failure.message}`;
      return `           ${taskId}, try ${tryNumber}  ${from}${to}  ${how}`;
    }),
  );
}
