import type {
  Attempt,
  Backfill,
  DagRun,
  DagState,
  Deadline,
  HistoryEntry,
  LedgerEntry,
  Mail,
  TaskInstance,
  TaskKey,
} from "../records.ts";
import type { Change, DagVersionToPublish, FlushBatch } from "../flush-batch.ts";
import type { AuditEntry, CommandResult, NoteChange } from "../commands.ts";
import type { AssetEvent, QueuedAsset } from "../assets/events.ts";
import type { VariableChange } from "../variables.ts";
import { keyOf, type ActiveRun } from "./active-run.ts";
import { keyOf as keyOfDeadline } from "./deadlines.ts";
import type { RunDraft } from "./run-draft.ts";

/** New and changed rows by key, so that several decisions between two flushes leave one net change. */
class Rows<T> {
  private readonly created = new Map<string, T>();
  private readonly changed = new Map<string, Change<T>>();

  put(key: string, before: T | null, after: T): void {
    const known = this.changed.get(key);
    if (before === null || this.created.has(key)) this.created.set(key, after);
    else this.changed.set(key, { from: known?.from ?? before, to: after });
  }

  get isEmpty(): boolean {
    return this.created.size === 0 && this.changed.size === 0;
  }

  get news(): number {
    return this.created.size;
  }

  /** The row before what has gathered changed it; undefined: nothing has. */
  before(key: string): T | undefined {
    return this.changed.get(key)?.from;
  }

  creations = (): T[] => [...this.created.values()];
  changes = (): Change<T>[] => [...this.changed.values()];
}

const keysOf = ({ runId, taskNo, mapIndex }: TaskKey): TaskKey => ({ runId, taskNo, mapIndex });

/** What has been decided since the last flush. */
export class PendingFlush {
  private readonly versions: DagVersionToPublish[] = [];
  private readonly backfills = new Rows<Backfill>();
  private readonly runs = new Rows<DagRun>();
  private readonly tasks = new Rows<TaskInstance>();
  private readonly attempts = new Rows<Attempt>();
  private readonly frozen = new Map<string, FlushBatch["frozenParams"][number]>();
  private readonly history = new Map<string, HistoryEntry>();
  private readonly notes: HistoryEntry[] = [];
  private readonly outputs = new Map<string, FlushBatch["outputs"][number]>();
  private readonly expansions = new Map<string, FlushBatch["expansions"][number]>();
  private readonly ledger = new Map<string, LedgerEntry>();
  private readonly dags = new Rows<DagState>();
  private readonly deadlines = new Rows<Deadline>();
  private readonly assetEvents: AssetEvent[] = [];
  private readonly assets = new Map<string, QueuedAsset>();
  private readonly mails: Mail[] = [];
  private readonly personsNotes: NoteChange[] = [];
  private readonly auditEntries: AuditEntry[] = [];
  private readonly pools = new Map<string, number>();
  private readonly variables = new Map<string, VariableChange>();
  private readonly commands: { id: string; result: CommandResult }[] = [];

  publish(version: DagVersionToPublish): void {
    this.versions.push(version);
  }

  backfill(before: Backfill | null, after: Backfill): void {
    this.backfills.put(after.backfillId, before, after);
  }

  run(before: DagRun | null, after: DagRun): void {
    this.runs.put(after.runId, before, after);
  }

  dag(before: DagState, after: DagState): void {
    this.dags.put(after.dagId, before, after);
  }

  deadline(before: Deadline | null, after: Deadline): void {
    this.deadlines.put(keyOfDeadline(after), before, after);
  }

  assetEvent(event: AssetEvent): void {
    this.assetEvents.push(event);
  }

  assetQueued(row: QueuedAsset): void {
    this.assets.set(JSON.stringify([row.dagId, row.asset]), row);
  }

  mail(mail: Mail): void {
    this.mails.push(mail);
  }

  /** A task that its run has no node for any more: another version of the DAG is without it. */
  removed(before: TaskInstance, after: TaskInstance, told: HistoryEntry): void {
    this.tasks.put(keyOf(after), before, after);
    this.remember(told);
  }

  note(note: NoteChange): void {
    this.personsNotes.push(note);
  }

  pool(pool: string, slots: number): void {
    this.pools.set(pool, slots);
  }

  variable(change: VariableChange): void {
    this.variables.set(change.name, change);
  }

  audit(entry: AuditEntry): void {
    this.auditEntries.push(entry);
  }

  applied(id: string, result: CommandResult): void {
    this.commands.push({ id, result });
  }

  /** Takes over what one decision changed; `active` is the run as it was before. */
  take(draft: RunDraft, active: ActiveRun): void {
    if (draft.run !== active.run) this.run(active.run, draft.run);
    const places = draft.started ? Array.from({ length: draft.size }, (_, place) => place) : draft.nodes.keys();
    for (const place of places) {
      const after = draft.node(place).task;
      const before = active.unstored.has(place) ? null : (active.nodes[place]?.task ?? null);
      if (before !== after) this.tasks.put(keyOf(after), before, after);
    }
    for (const [place, { items, labels }] of draft.expansions) {
      const row = { ...keysOf(draft.node(place).task), items, labels };
      this.expansions.set(keyOf(row), row);
    }
    for (const [key, { before, after }] of draft.attempts) this.attempts.put(`${after.runId}/${key}`, before, after);
    for (const params of draft.frozen) this.frozen.set(params.hash, params);
    for (const [position, output] of draft.outputs) {
      const { task } = draft.node(position);
      const row = { ...keysOf(task), tryNumber: task.tryNumber, output };
      this.outputs.set(keyOf(row), row);
    }
    this.mails.push(...draft.mails);
    for (const entry of draft.history) this.remember(entry);
    for (const entry of draft.ledger) {
      this.ledger.set(`${keyOf(entry)}/${entry.tryNumber}/${entry.usageKind}/${entry.kind}`, entry);
    }
  }

  /** History holds the net change of a flush: where it began, where it ended, and why it ended there. */
  private remember(entry: HistoryEntry): void {
    if (entry.from === entry.to) {
      this.notes.push(entry);
      return;
    }
    const key = keyOf(entry);
    this.history.set(key, { ...entry, from: this.history.get(key)?.from ?? entry.from });
  }

  /** How many new rows of a kind have gathered. */
  news(kind: "tasks" | "attempts"): number {
    return this[kind].news;
  }

  /** The run's row before what has gathered changed it; undefined: nothing has. */
  runBefore(runId: string): DagRun | undefined {
    return this.runs.before(runId);
  }

  /** Whether commands are among it. */
  get hasApplied(): boolean {
    return this.commands.length > 0;
  }

  get isEmpty(): boolean {
    const rows = [this.backfills, this.runs, this.tasks, this.attempts, this.dags, this.deadlines];
    return (
      rows.every((list) => list.isEmpty) &&
      this.versions.length + this.commands.length + this.ledger.size + this.notes.length + this.mails.length === 0 &&
      this.assetEvents.length +
        this.assets.size +
        this.personsNotes.length +
        this.auditEntries.length +
        this.pools.size +
        this.variables.size ===
        0
    );
  }

  batch(): FlushBatch {
    return {
      versions: this.versions,
      backfillsCreated: this.backfills.creations(),
      backfillsChanged: this.backfills.changes(),
      runsCreated: this.runs.creations(),
      runsChanged: this.runs.changes(),
      tasksCreated: this.tasks.creations(),
      tasksChanged: this.tasks.changes(),
      attemptsCreated: this.attempts.creations(),
      attemptsChanged: this.attempts.changes(),
      frozenParams: [...this.frozen.values()],
      history: [...[...this.history.values()].filter((entry) => entry.from !== entry.to), ...this.notes],
      outputs: [...this.outputs.values()],
      expansions: [...this.expansions.values()],
      ledger: [...this.ledger.values()],
      commandsApplied: this.commands,
      dagsChanged: this.dags.changes(),
      deadlinesCreated: this.deadlines.creations(),
      deadlinesChanged: this.deadlines.changes(),
      assetEvents: this.assetEvents,
      assetsQueued: [...this.assets.values()],
      mails: this.mails,
      notes: this.personsNotes,
      audit: this.auditEntries,
      poolsSet: [...this.pools].map(([pool, slots]) => ({ pool, slots })),
      variables: [...this.variables.values()],
    };
  }
}
