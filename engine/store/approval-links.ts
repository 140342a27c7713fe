import { createHash, randomBytes } from "node:crypto";
import type { ApprovalFacts } from "../core/records.ts";
import type { Store } from "./open.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What a link lets its holder decide, and whose it is. */
export interface ApprovalLink {
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
  readonly receiver: string;
  readonly dagId: string;
  readonly dagRunId: string;
  /** The question; null: nobody waits for the answer any more. */
  readonly message: string | null;
}

/** Makes a link's secret for one receiver of a mail. It is in the answer and nowhere else: only its hash is kept. */
export async function makeApprovalLink(store: Store, asked: ApprovalFacts, receiver: string): Promise<string> {
  const secret = randomBytes(32).toString("base64url");
  const { runId, taskNo, mapIndex, taskId, tryNumber } = asked;
  await store.pool.query(
    `INSERT INTO approval_link (token_sha256, run_id, task_no, map_index, task_id, try_number, receiver)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [sha256(secret), runId, taskNo, mapIndex, taskId, tryNumber, receiver],
  );
  return secret;
}

/** What the link of this secret stands for; null: there is none. */
export async function findApprovalLink(store: Store, secret: string): Promise<ApprovalLink | null> {
  const { rows } = await store.pool.query<ApprovalLink>(
    `SELECT run_id AS "runId", task_id AS "taskId", map_index AS "mapIndex", try_number AS "tryNumber", receiver,
            dag_id AS "dagId", dag_run_id AS "dagRunId",
            (SELECT ref ->> 'message' FROM attempt
             WHERE attempt.run_id = link.run_id AND attempt.task_no = link.task_no AND attempt.map_index = link.map_index
               AND attempt.try_number = link.try_number AND attempt.state = 'open') AS message
     FROM approval_link AS link JOIN run_key USING (run_id) WHERE token_sha256 = $1`,
    [sha256(secret)],
  );
  return rows[0] ?? null;
}
