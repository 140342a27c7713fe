import { watch, type FSWatcher } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { LoadedDag } from "../../core/dag.ts";
import type { OperatorDescriptor } from "../../core/operator.ts";
import type { ReadProjectFile } from "../project-files.ts";
import { projectReader } from "../project-reader.ts";
import type { ReadAhead, ReadDagFile, ReadFile } from "../read.ts";
import { readOne, shownPath } from "../read.ts";
import type { DagProblem } from "../yaml-document.ts";
import type { KnownFile, Look } from "./folder-state.ts";
import {
  folderDags,
  goneDags,
  isUnsettled,
  problemsText,
  settledChanges,
  takeRead,
  unsureFiles,
} from "./folder-state.ts";
import { dagFilesOf, stampOf } from "./stamps.ts";

/** How the folder stands: told at first and whenever something of it has changed. */
export interface FolderNews {
  /** Every DAG that goes on, broken files' last sound versions included. */
  readonly dags: readonly LoadedDag[];
  /** Every problem of the files as they are; places are relative to the project's folder. */
  readonly problems: readonly DagProblem[];
  /** DAGs whose file is gone, or reads well and has them no more. */
  readonly gone: readonly string[];
  /** Whether there is such a folder. */
  readonly isThere: boolean;
}

export interface WatchedFolder {
  readonly first: FolderNews;
  close(): void;
}

interface WatchOptions {
  readonly folder: string;
  /** Files that DAGs name are found from here. */
  readonly projectRoot: string;
  readonly operators: readonly OperatorDescriptor[];
  /** Whose overlay counts; absent or null: none. */
  readonly environment?: string | null;
  /** What reads one file; absent: `readOne`. */
  readonly readFile?: ReadDagFile | undefined;
  /** Told of all files before the first of them is read. */
  readonly readAhead?: ReadAhead | undefined;
  /** DAGs that are known from before, with the file each was read from (as shown in problems). */
  readonly known: readonly { readonly dagId: string; readonly file: string }[];
  readonly onNews: (news: FolderNews) => void;
  /** The looks did not work out; the next one follows. */
  readonly onError: (error: unknown) => void;
}

/** Looks are the truth and find everything; events of the file system only bring the next one forward. */
const LOOK_MS = 1_500;
const LONGEST_LOOK_MS = 15_000;
/** Between two looks that must agree. */
const SETTLE_MS = 200;
/** Looking takes at most this share of the time: thousands of files are looked at less often. */
const SHARE = 0.005;

/** Reads the folder and goes on watching it, and every file its DAGs name, until `close`. */
export async function watchDagFolder(options: WatchOptions): Promise<WatchedFolder> {
  const folder = new DagFolder(options);
  return folder.open();
}

class DagFolder {
  private readonly options: WatchOptions;
  private known: WatchOptions["known"];
  /** By the file's path as shown. */
  private readonly files = new Map<string, KnownFile>();
  private readonly taken = new Map<string, string>();
  private before: Look = new Map();
  /** Problems that one read found: they count when the next read finds the same. */
  private readonly suspects = new Map<string, string>();
  private isThere = false;
  private lastNews = "";
  private readonly watchers = new Map<string, FSWatcher>();
  private timer: NodeJS.Timeout | undefined;
  private isLooking = false;
  private isClosed = false;

  constructor(options: WatchOptions) {
    this.options = options;
    this.known = options.known;
  }

  async open(): Promise<WatchedFolder> {
    this.before = await this.look();
    // Everything is new, and nothing is running that could flap: what is sound counts at once.
    const { projectRoot, environment = null, readAhead } = this.options;
    await readAhead?.([...this.before.keys()], projectRoot, environment);
    const reader = projectReader(projectRoot);
    for (const file of this.before.keys()) await this.read(file, this.before, reader);
    if (this.suspects.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      await this.take(await this.look());
    }
    const first = this.news();
    this.lastNews = newsText(first);
    this.remember(first);
    this.watchFolders();
    this.lookIn(this.suspects.size > 0 ? SETTLE_MS : LOOK_MS);
    return { first, close: () => this.close() };
  }

  private close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const watcher of this.watchers.values()) watcher.close();
  }

  private lookIn(ms: number): void {
    clearTimeout(this.timer);
    if (!this.isClosed) this.timer = setTimeout(() => void this.turn(), ms).unref();
  }

  private async turn(): Promise<void> {
    if (this.isLooking) return this.lookIn(SETTLE_MS);
    this.isLooking = true;
    let next = LOOK_MS;
    try {
      const startedAt = performance.now();
      const now = await this.look();
      const took = performance.now() - startedAt;
      await this.take(now);
      const isWaiting = this.suspects.size > 0 || isUnsettled(this.taken, now);
      next = isWaiting ? SETTLE_MS : Math.min(LONGEST_LOOK_MS, Math.max(LOOK_MS, took / SHARE));
      if (!this.isClosed) this.tell();
    } catch (error) {
      this.options.onError(error);
    } finally {
      this.isLooking = false;
      this.lookIn(next);
    }
  }

  private async look(): Promise<Look> {
    const { folder, projectRoot } = this.options;
    const paths = await dagFilesOf(folder);
    this.isThere = paths !== null;
    // A folder that cannot be listed may come back: its DAGs stay as they were read.
    if (paths === null) return new Map(this.taken);
    const named = new Map<string, string>();
    for (const known of this.files.values()) for (const file of filesOf(known)) named.set(file, "");
    for (const path of named.keys()) named.set(path, await stampOf(join(projectRoot, path)));
    const look = new Map<string, string>();
    for (const path of paths) {
      const file = shownPath(path, projectRoot);
      const known = this.files.get(file);
      const others = known === undefined ? [] : filesOf(known).map((each) => named.get(each));
      look.set(file, [await stampOf(path), ...others].join(" "));
    }
    return look;
  }

  /** Reads what has changed and settled, and again what was broken at the last read or lacks a file. */
  private async take(now: Look): Promise<void> {
    const changed = new Set(settledChanges(this.taken, this.before, now));
    for (const [file, { read }] of this.files) {
      if (read.problems.some(({ code }) => code === "DAG_FILE_MISSING")) changed.add(file);
    }
    for (const file of this.suspects.keys()) changed.add(file);
    this.before = now;
    const reader = projectReader(this.options.projectRoot);
    for (const file of [...changed].sort()) {
      if (now.has(file)) await this.read(file, now, reader);
      else this.forget(file);
    }
    if (changed.size > 0) this.watchFolders();
  }

  /** The stamp is older than the read. Other files that it names for the first time change the stamp: it is read once more. */
  private async read(file: string, look: Look, readProjectFile: ReadProjectFile): Promise<void> {
    const { projectRoot, operators, environment = null, readFile: readDag = readOne } = this.options;
    const text = await readFile(join(projectRoot, file), "utf8").catch(() => null);
    // Gone again: the next look says so.
    if (text === null) return void this.suspects.delete(file);
    const read = readDag({ file, text, operators, environment, readProjectFile }, projectRoot);
    if (!this.isAgreed(file, read)) return;
    this.suspects.delete(file);
    this.taken.set(file, look.get(file) ?? "");
    this.files.set(file, takeRead(this.files.get(file), read));
  }

  private isAgreed(file: string, { problems }: ReadFile): boolean {
    if (problems.length === 0) return true;
    const text = problemsText(problems);
    const known = this.files.get(file);
    if (known !== undefined && problemsText(known.read.problems) === text) return true;
    const isSecond = this.suspects.get(file) === text;
    this.suspects.set(file, text);
    return isSecond;
  }

  private forget(file: string): void {
    this.suspects.delete(file);
    this.taken.delete(file);
    this.files.delete(file);
  }

  private news(): FolderNews {
    const { dags, problems } = folderDags(this.files);
    const unsure = this.isThere ? unsureFiles(this.before, this.files) : null;
    // A DAG that is refused beside others keeps its last good version.
    for (const { at } of problems) unsure?.add(at.file);
    return { dags, problems, gone: goneDags(this.known, dags, unsure), isThere: this.isThere };
  }

  private tell(): void {
    const news = this.news();
    const text = newsText(news);
    if (text === this.lastNews && news.gone.length === 0) return;
    // Who cannot take them now is told again by the next look.
    this.options.onNews(news);
    this.lastNews = text;
    this.remember(news);
  }

  /** What is gone has been told; what is there may be gone one day. */
  private remember({ dags, gone }: FolderNews): void {
    const present = new Set(dags.map(({ spec }) => spec.dagId));
    const kept = this.known.filter(({ dagId }) => !present.has(dagId) && !gone.includes(dagId));
    this.known = [...kept, ...dags.map(({ spec, source }) => ({ dagId: spec.dagId, file: source.file }))];
  }

  private watchFolders(): void {
    const { folder, projectRoot } = this.options;
    const folders = new Set([folder]);
    for (const known of this.files.values())
      for (const file of filesOf(known)) folders.add(dirname(join(projectRoot, file)));
    for (const [path, watcher] of this.watchers) {
      if (folders.has(path)) continue;
      watcher.close();
      this.watchers.delete(path);
    }
    for (const path of folders) if (!this.watchers.has(path)) this.watchOne(path);
  }

  /** Where the file system tells of changes they are seen at once; where it does not, by the next look. */
  private watchOne(path: string): void {
    try {
      const watcher = watch(path, { persistent: false }, () => this.lookIn(SETTLE_MS / 2));
      watcher.on("error", () => {
        watcher.close();
        this.watchers.delete(path);
      });
      this.watchers.set(path, watcher);
    } catch {
      // no such folder yet, or no more watches: the looks find it
    }
  }
}

/** Every other file of the project that the DAGs of this one are made of. */
const filesOf = ({ read, dags }: KnownFile): string[] => [
  ...read.layers,
  ...dags.flatMap(({ files }) => files.map(({ path }) => path)),
];

/** Equal for a folder that stands the same. */
function newsText({ dags, problems, isThere }: FolderNews): string {
  return JSON.stringify([dags.map(({ spec, versionHash }) => [spec.dagId, versionHash]), problems, isThere]);
}
