import { nearest } from "./similar.ts";

/** What processes of `nocturne up` do, any number of each: of those with `engine` one writes and the rest stand by. */
export const ROLES = ["engine", "api", "alert"] as const;

export type Role = (typeof ROLES)[number];

/** The roles that a list such as "engine,api" names, in their usual order; a text says what is wrong with it. */
export function parseRoles(list: string): readonly Role[] | string {
  const names = list.split(",").map((name) => name.trim());
  const strange = names.find((name) => !(ROLES as readonly string[]).includes(name));
  if (strange === undefined) return ROLES.filter((role) => names.includes(role));
  const expected = `expected some of ${ROLES.join(", ")} with commas between`;
  if (strange === "") return `${names.length === 1 ? "no role is named" : "a name is missing"}; ${expected}`;
  const near = nearest(strange, ROLES);
  return `there is no role ${strange}${near === undefined ? "" : ` (did you mean ${near}?)`}; ${expected}`;
}
