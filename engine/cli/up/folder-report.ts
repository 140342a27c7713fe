import { dirname } from "node:path";
import type { Config } from "../../config.ts";
import type { FolderNews } from "../../dagfile/watch/watch-folder.ts";
import { replaceImportErrors } from "../../store/import-errors.ts";
import type { Store } from "../../store/open.ts";
import { placed } from "../read-dags.ts";
import type { Session } from "../session.ts";
import { showProblem } from "../show-problem.ts";
import { folderLines, problemsByFile } from "./folder-lines.ts";

/**
 * Tells what changes in the folder of DAGs: once on standard error, and, while this process writes, in the database for
 * whoever asks: what a process that stands by makes of its own folder is nobody's business yet.
 */
export class FolderReport {
  private readonly session: Session;
  private readonly config: Config;
  private readonly store: Store;
  private last: FolderNews | null = null;
  /** News that are not in the database yet. */
  private owed: FolderNews | null = null;
  private isWriting = false;

  constructor(session: Session, config: Config, store: Store) {
    this.session = session;
    this.config = config;
    this.store = store;
  }

  tell(news: FolderNews): void {
    const { out, cwd } = this.session;
    const { dagsFolder } = this.config;
    const { problems, lines } = folderLines(this.last, news);
    for (const problem of placed(problems, dirname(dagsFolder), cwd)) {
      out.progress(showProblem(problem, { cwd, color: out.colors.isColorSupported }));
    }
    for (const line of lines) out.progress(line);
    if (!news.isThere && this.last?.isThere !== false) {
      out.progress(`nocturne: no such folder of DAGs: ${dagsFolder}; it is read as soon as it is there`);
    } else if (this.last === null && news.isThere && news.dags.length === 0 && problems.length === 0) {
      out.progress(`nocturne: no DAG in ${dagsFolder} yet; the first one is read as soon as it is there`);
    }
    this.last = news;
    this.owed = news;
  }

  /** This process writes from now on: what another has stored is not what this one read. */
  tellAnew(): void {
    this.owed = this.last;
  }

  /** Writes what is owed, one after the other. Called with every look at the runs while this process writes. */
  async settle(): Promise<void> {
    if (this.isWriting) return;
    this.isWriting = true;
    try {
      while (this.owed !== null) {
        const { owed } = this;
        await replaceImportErrors(this.store, problemsByFile(owed.problems));
        if (this.owed === owed) this.owed = null;
      }
    } finally {
      this.isWriting = false;
    }
  }
}
