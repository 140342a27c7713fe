import type { DuckDBConnection } from "@duckdb/node-api";

const AGAIN_MS = 20;

/** Work on a connection that can be told to stop. An interrupt that comes between two statements is lost, so it is repeated. */
export class Running {
  readonly connection: DuckDBConnection;
  private timer: NodeJS.Timeout | undefined;

  constructor(connection: DuckDBConnection) {
    this.connection = connection;
  }

  interrupt(): void {
    this.connection.interrupt();
    this.timer ??= setInterval(() => this.connection.interrupt(), AGAIN_MS);
  }

  /** The work has ended; what was not committed is undone with the connection. */
  close(): void {
    clearInterval(this.timer);
    this.connection.closeSync();
  }
}
