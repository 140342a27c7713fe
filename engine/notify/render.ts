import type { NotifyEvent } from "../core/dag.ts";
import { ERRORS } from "../core/errors.ts";
import type { Instant } from "../core/json.ts";
import { moneyText, shareText } from "../core/notify/money.ts";
import type { ApprovalFacts, MailFacts } from "../core/records.ts";
import { Zone } from "../core/schedule/zone.ts";
import { toHtml, toText, visibleLine, type Block } from "./layout.ts";

export interface RenderSettings {
  /** Where people reach the API, without a slash at the end; null: mails carry no link to the run. */
  readonly publicUrl: string | null;
  /** Whether the work ran on this machine only, which every mail then says. */
  readonly local: boolean;
  /** Where the receiver decides about the approval that the mail asks for; absent or null: there is no such page. */
  readonly decideUrl?: string | null;
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const LOG_LINES = 20;
const SUBJECT_MAX = 200;

/** What a mail says, from the facts alone: nothing in them is ever read as a template or as markup. */
export function renderMail(
  mail: { readonly kind: NotifyEvent; readonly subject: string; readonly facts: MailFacts },
  { publicUrl, local, decideUrl = null }: RenderSettings,
): RenderedMail {
  const { kind, facts } = mail;
  const subject = visibleLine(`${local ? "[LOCAL] " : ""}${mail.subject}`).slice(0, SUBJECT_MAX);
  const blocks: Block[] = [
    ...(local ? [paragraph("LOCAL: this ran on one machine with local-aws. Nothing of it touched AWS.")] : []),
    paragraph(OPENING[kind](facts)),
    { kind: "facts", rows: runRows(facts) },
    ...(facts.sla === undefined ? [] : slaBlocks(facts, facts.sla)),
    ...(facts.budget === undefined ? [] : budgetBlocks(kind, facts.budget)),
    ...(facts.approval === undefined ? [] : approvalBlocks(facts, facts.approval, decideUrl)),
    ...(facts.failures ?? []).flatMap(failureBlocks),
    ...alsoMissedBlocks(facts),
    ...runLink(facts, publicUrl),
    paragraph(`Sent by Nocturne: the DAG ${facts.dagId} names this address under notify.`),
  ];
  return { subject, text: toText(blocks), html: toHtml(subject, blocks) };
}

const paragraph = (text: string): Block => ({ kind: "paragraph", text });

const OPENING: { readonly [K in NotifyEvent]: (facts: MailFacts) => string } = {
  sla_missed: ({ dagId, ds, sla }) =>
    sla === undefined
      ? `${dagId} missed deadlines while nothing ran.`
      : `${dagId}${ds === undefined ? "" : ` for ${ds}`} missed its deadline.`,
  run_failed: ({ dagId, ds }) => `${dagId}${ds === undefined ? "" : ` for ${ds}`} failed.`,
  dag_paused: ({ dagId, paused }) =>
    `${dagId} was paused: ${paused?.failedRuns === 1 ? "its last run has" : `its last ${paused?.failedRuns ?? ""} runs have`} failed. No run of it starts until somebody unpauses it: nocturne dags unpause ${dagId}`,
  budget_warning: ({ dagId, ds }) => `${dagId}${ds === undefined ? "" : ` for ${ds}`} has spent most of its budget.`,
  approval_needed: ({ dagId, ds }) => `${dagId}${ds === undefined ? "" : ` for ${ds}`} waits for your approval.`,
  budget_exceeded: ({ dagId, ds }) => `${dagId}${ds === undefined ? "" : ` for ${ds}`} has exceeded its budget.`,
};

/** "2026-01-02 06:00 America/New_York"; the seconds where there are any. */
function timeText(at: Instant, timezone: string): string {
  const wall = new Date(Zone.of(timezone).wall(at)).toISOString();
  const seconds = wall.slice(16, 19);
  return `${wall.slice(0, 10)} ${wall.slice(11, 16)}${seconds === ":00" ? "" : seconds} ${timezone}`;
}

function runRows(facts: MailFacts): [string, string][] {
  const time = (name: string, at: Instant | undefined): [string, string][] =>
    at === undefined ? [] : [[name, timeText(at, facts.timezone)]];
  return [
    ["DAG", facts.dagId],
    ...(facts.dagRunId === undefined ? [] : [["Run", facts.dagRunId] as [string, string]]),
    ...(facts.runState === undefined ? [] : [["State", facts.runState] as [string, string]]),
    ...time("Due", facts.dueAt),
    ...time("Started", facts.startedAt),
    ...time("Ended", facts.endedAt),
    ...(facts.owner === undefined ? [] : [["Owner", facts.owner] as [string, string]]),
  ];
}

function slaBlocks(facts: MailFacts, sla: NonNullable<MailFacts["sla"]>): Block[] {
  const rows: [string, string][] = [
    ["Rule", `${sla.rule}: finish_by ${sla.finishBy}`],
    ["Deadline", timeText(sla.deadlineAt, facts.timezone)],
  ];
  const waits: Block[] =
    sla.waitsFor.length > 0
      ? [paragraph("The run waits for:"), { kind: "list", items: sla.waitsFor }]
      : facts.dagRunId === undefined
        ? [paragraph("No run for this due time is under way.")]
        : facts.startedAt === undefined
          ? [paragraph("The run has not started.")]
          : [];
  return [{ kind: "heading", text: "Deadline" }, { kind: "facts", rows }, ...waits];
}

/** What happens at the limit, by on_exceeded. Teardowns always run. */
const WHEN_EXCEEDED = {
  stop: "what still runs is cancelled, nothing more starts, and the run fails; its teardowns run",
  block: "what runs may finish and nothing more starts; teardowns run",
  warn: "nothing is stopped",
} as const;

function budgetBlocks(kind: NotifyEvent, budget: NonNullable<MailFacts["budget"]>): Block[] {
  const { limit, spent, currency, onExceeded, tasks } = budget;
  const share = shareText(spent, limit);
  const rows: [string, string][] = [
    ["Limit", `${moneyText(limit, currency)} per run`],
    ["Spent", `${moneyText(spent, currency)}${share === null ? "" : ` (${share} of the limit)`}`],
    [
      kind === "budget_exceeded" ? "What was done" : "At the limit",
      `${WHEN_EXCEEDED[onExceeded]} (on_exceeded: ${onExceeded})`,
    ],
  ];
  const dearest: Block[] =
    tasks.length === 0
      ? []
      : [
          paragraph("What spends most:"),
          { kind: "list", items: tasks.map(({ taskId, amount }) => `${taskId}: ${moneyText(amount, currency)}`) },
        ];
  return [{ kind: "heading", text: "Budget" }, { kind: "facts", rows }, ...dearest];
}

function approvalBlocks(
  { dagId, dagRunId, timezone }: MailFacts,
  { taskId, message, until }: ApprovalFacts,
  decideUrl: string | null,
): Block[] {
  const rows: [string, string][] = [
    ["Question", message],
    ["Until", until === null ? "somebody decides" : timeText(until, timezone)],
  ];
  const commands = ["approve", "reject"].map((word) => `nocturne tasks ${word} ${dagRunId} ${taskId} --dag ${dagId}`);
  const link: Block[] =
    decideUrl === null
      ? []
      : [
          paragraph("This link is yours alone, and decides once:"),
          { kind: "link", label: "Approve or reject", url: decideUrl },
        ];
  return [
    { kind: "heading", text: `Task ${taskId}` },
    { kind: "facts", rows },
    ...link,
    paragraph("On the command line:"),
    { kind: "list", items: commands },
  ];
}

function failureBlocks(failure: NonNullable<MailFacts["failures"]>[number]): Block[] {
  const { taskId, tryNumber, code, message, logTail, links } = failure;
  const rows: [string, string][] = [
    ["Error", `${code}  ${message}`],
    ["What to do", ERRORS[code]],
  ];
  const log: Block[] =
    logTail.length === 0 ? [] : [paragraph("Its last log lines:"), { kind: "log", lines: logTail.slice(-LOG_LINES) }];
  return [
    { kind: "heading", text: `Task ${taskId}, try ${tryNumber}` },
    { kind: "facts", rows },
    ...log,
    ...links.map(({ label, url }): Block => ({ kind: "link", label, url })),
  ];
}

function alsoMissedBlocks({ alsoMissed, timezone, sla }: MailFacts): Block[] {
  if (alsoMissed === undefined || alsoMissed.length === 0) return [];
  const items = alsoMissed.map(
    ({ rule, dueAt, deadlineAt }) =>
      `${rule}: due ${timeText(dueAt, timezone)}, deadline ${timeText(deadlineAt, timezone)}`,
  );
  return [
    { kind: "heading", text: sla === undefined ? "Missed" : "Also missed" },
    { kind: "list", items },
  ];
}

function runLink({ dagId, dagRunId }: MailFacts, publicUrl: string | null): Block[] {
  if (publicUrl === null || dagRunId === undefined) return [];
  const path = `/api/v2/dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(dagRunId)}`;
  return [{ kind: "link", label: "The run", url: `${publicUrl.replace(/\/+$/, "")}${path}` }];
}
