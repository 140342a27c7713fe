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
import type { Rare, RunDraft } from "./run-draft.ts";

/** A row as the last flush has it (null: it is new), and as it is now. */
interface Net<T> {
  readonly from: T | null;
  to: T;
}

/** New and changed rows by key, so that several decisions between two flushes leave one net change. */
class Rows<K, T> {
  private readonly nets = new Map<K, Net<T>>();
  /** How many of them are new. */
  news = 0;

  put(key: K, before: T | null, after: T): void {
    const known = this.nets.get(key);
    if (known) known.to = after;
    else {
      this.nets.set(key, { from: before, to: after });
      if (before === null) this.news++;
    }
  }

  get isEmpty(): boolean {
    return this.nets.size === 0;
  }

  /** The row before what has gathered changed it; undefined: nothing has, or it is new. */
  before(key: K): T | undefined {
    return this.nets.get(key)?.from ?? undefined;
  }

  creations(): T[] {
    const rows: T[] = [];
    for (const { from, to } of this.nets.values()) if (from === null) rows.push(to);
    return rows;
  }

  changes(): Change<T>[] {
    const rows: Change<T>[] = [];
    for (const { from, to } of this.nets.values()) if (from !== null) rows.push({ from, to });
    return rows;
  }
}

/** What has gathered of one run's tasks, by numbers: a name for each row would cost more than all else. */
class OfRun {
  readonly tasks = new Rows<number, TaskInstance>();
  readonly attempts = new Rows<string, Attempt>();
  private readonly history = new Map<number, HistoryEntry>();

  /** History holds the net change of a flush: where it began, where it ended, and why it ended there. */
  remember(entry: HistoryEntry): void {
    const number = numberOf(entry);
    const known = this.history.get(number);
    this.history.set(number, known ? { ...entry, from: known.from } : entry);
  }

  told(): HistoryEntry[] {
    return [...this.history.values()].filter((entry) => entry.from !== entry.to);
  }
}

/** More than a task has instances. */
const MOST_INSTANCES = 65_536;

/** One number for each task instance of a run. */
const numberOf = ({ taskNo, mapIndex }: Omit<TaskKey, "runId">): number => taskNo * MOST_INSTANCES + mapIndex + 1;

const keysOf = ({ runId, taskNo, mapIndex }: TaskKey): TaskKey => ({ runId, taskNo, mapIndex });

/** What has been decided since the last flush. */
export class PendingFlush {
  private readonly versions: DagVersionToPublish[] = [];
  private readonly backfills = new Rows<string, Backfill>();
  private readonly runs = new Rows<string, DagRun>();
  private readonly ofRuns = new Map<string, OfRun>();
  private readonly frozen = new Map<string, FlushBatch["frozenParams"][number]>();
  private readonly notes: HistoryEntry[] = [];
  private readonly outputs = new Map<string, FlushBatch["outputs"][number]>();
  private readonly expansions = new Map<string, FlushBatch["expansions"][number]>();
  private readonly ledger = new Map<string, LedgerEntry>();
  private readonly dags = new Rows<string, DagState>();
  private readonly deadlines = new Rows<string, Deadline>();
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
    const own = this.of(after.runId);
    own.tasks.put(numberOf(after), before, after);
    own.remember(told);
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
    const own = this.of(draft.run.runId);
    const places = draft.started ? Array.from({ length: draft.size }, (_, place) => place) : draft.nodes.keys();
    for (const place of places) {
      const after = draft.node(place).task;
      const before = active.unstored?.has(place) ? null : (active.nodes[place]?.task ?? null);
      if (before !== after) own.tasks.put(numberOf(after), before, after);
    }
    for (const [key, { before, after }] of draft.attempts) own.attempts.put(key, before, after);
    for (const params of draft.frozen) this.frozen.set(params.hash, params);
    for (const entry of draft.history) {
      if (entry.from === entry.to) this.notes.push(entry);
      else own.remember(entry);
    }
    if (draft.rareIfAny) this.takeRare(draft, draft.rareIfAny);
  }

  private takeRare(draft: RunDraft, { expansions, outputs, mails, ledger }: Rare): void {
    for (const [place, { items, labels }] of expansions) {
      const row = { ...keysOf(draft.node(place).task), items, labels };
      this.expansions.set(keyOf(row), row);
    }
    for (const [position, output] of outputs) {
      const { task } = draft.node(position);
      const row = { ...keysOf(task), tryNumber: task.tryNumber, output };
      this.outputs.set(keyOf(row), row);
    }
    this.mails.push(...mails);
    for (const entry of ledger) {
      this.ledger.set(`${keyOf(entry)}/${entry.tryNumber}/${entry.usageKind}/${entry.kind}`, entry);
    }
  }

  private of(runId: string): OfRun {
    const known = this.ofRuns.get(runId);
    if (known) return known;
    const own = new OfRun();
    this.ofRuns.set(runId, own);
    return own;
  }

  /** How many launch intents have gathered. */
  get newAttempts(): number {
    let count = 0;
    for (const { attempts } of this.ofRuns.values()) count += attempts.news;
    return count;
  }

  /** The run's row before what has gathered changed it; undefined: nothing has. */
  runBefore(runId: string): DagRun | undefined {
    return this.runs.before(runId);
  }

  get isEmpty(): boolean {
    const rows = [this.backfills, this.runs, this.dags, this.deadlines];
    const ofRuns = [...this.ofRuns.values()];
    return (
      rows.every((list) => list.isEmpty) &&
      ofRuns.every(({ tasks, attempts }) => tasks.isEmpty && attempts.isEmpty) &&
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
    const ofRuns = [...this.ofRuns.values()];
    return {
      versions: this.versions,
      backfillsCreated: this.backfills.creations(),
      backfillsChanged: this.backfills.changes(),
      runsCreated: this.runs.creations(),
      runsChanged: this.runs.changes(),
      tasksCreated: ofRuns.flatMap(({ tasks }) => tasks.creations()),
      tasksChanged: ofRuns.flatMap(({ tasks }) => tasks.changes()),
      attemptsCreated: ofRuns.flatMap(({ attempts }) => attempts.creations()),
      attemptsChanged: ofRuns.flatMap(({ attempts }) => attempts.changes()),
      frozenParams: [...this.frozen.values()],
      history: [...ofRuns.flatMap((own) => own.told()), ...this.notes],
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
