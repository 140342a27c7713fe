import { sql } from "kysely";
import type { Variable } from "../../core/variables.ts";
import type { Store } from "../open.ts";
import { toVariable } from "../rows.ts";

/** One variable; null: there is none of that name. */
export async function findVariable(store: Store, name: string): Promise<Variable | null> {
  const row = await store.db.selectFrom("variable").selectAll().where("name", "=", name).executeTakeFirst();
  return row ? toVariable(row) : null;
}

/** Every variable, by name. */
export async function listVariables(store: Store): Promise<Variable[]> {
  const rows = await store.db
    .selectFrom("variable")
    .selectAll()
    .orderBy(sql`name COLLATE "C"`)
    .execute();
  return rows.map(toVariable);
}
