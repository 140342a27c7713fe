import { sql, type RawBuilder } from "kysely";
import type { Instant } from "../../core/json.ts";
import type { Store } from "../open.ts";

/** A part of a list, and how long the whole list is. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly total: number;
}

export interface Paging<Order extends string> {
  readonly limit: number;
  readonly offset: number;
  /** The first counts most. */
  readonly orderBy: readonly { readonly by: Order; readonly isDescending: boolean }[];
}

/** Both ends of a span of time, each with or without the moment itself. */
export interface Span {
  readonly gte?: Instant | undefined;
  readonly gt?: Instant | undefined;
  readonly lte?: Instant | undefined;
  readonly lt?: Instant | undefined;
}

/** Globs of DAG ids (`*` any text, `?` one character) that the reader may see. */
export type Visible = readonly string[];

/** One condition out of many; no condition is always met. */
export const all = (conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  conditions.length === 0 ? sql`true` : sql.join(conditions, sql` AND `);

const like = (glob: string): string =>
  glob
    .replace(/[\\%_]/g, "\\$&")
    .replaceAll("*", "%")
    .replaceAll("?", "_");

export const isVisible = (column: RawBuilder<unknown>, globs: Visible): RawBuilder<unknown>[] =>
  globs.includes("*") ? [] : [sql`${column} LIKE ANY (${globs.map(like)}::text[])`];

const SIGNS = { gte: sql`>=`, gt: sql`>`, lte: sql`<=`, lt: sql`<` } as const;

export const within = (column: RawBuilder<unknown>, span: Span | undefined): RawBuilder<unknown>[] =>
  (["gte", "gt", "lte", "lt"] as const).flatMap((end) => {
    const at = span?.[end];
    return at === undefined ? [] : [sql`${column} ${SIGNS[end]} instant(${at}::float8)`];
  });

/**
 * ORDER BY, LIMIT and OFFSET. `last` makes the order total, so that pages neither overlap nor leave a gap; it is never null,
 * and its index gives the order both ways.
 */
export function paged<Order extends string>(
  { limit, offset, orderBy }: Paging<Order>,
  columns: Readonly<Record<Order, RawBuilder<unknown>>>,
  last: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const order = orderBy.map(({ by, isDescending }) => {
    if (columns[by] === last) return isDescending ? sql`${last} DESC` : last;
    return isDescending ? sql`${columns[by]} DESC NULLS LAST` : sql`${columns[by]} ASC NULLS FIRST`;
  });
  return sql`ORDER BY ${sql.join([...order, last])} LIMIT ${limit} OFFSET ${offset}`;
}

/** One page of `select`, and how many rows `from` has in all, both under `where`; `page` is what `paged` answers. */
export async function readPage<T>(
  { db }: Store,
  query: Readonly<Record<"select" | "from" | "where" | "page", RawBuilder<unknown>>>,
): Promise<Page<T>> {
  const { select, from, where, page } = query;
  const [rows, counted] = await Promise.all([
    sql<T>`${select} WHERE ${where} ${page}`.execute(db),
    sql<{ total: number }>`SELECT count(*)::int AS total ${from} WHERE ${where}`.execute(db),
  ]);
  return { rows: rows.rows, total: counted.rows[0]?.total ?? 0 };
}
