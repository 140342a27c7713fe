import { NocturneError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { variableMistake, type Variable, type VariableWish } from "../../core/variables.ts";
import { findVariable, listVariables } from "../../store/read-models/variables.ts";
import { EXIT } from "../exit-codes.ts";
import { carriedOut } from "../inbox.ts";
import { withEngine, withStore, type Session } from "../session.ts";
import { isoOrNull, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";
import { cut } from "../text/width.ts";

/** A longer value is cut in the list, and whole in `vars get` and --json. */
const SHOWN = 60;

/** `vars list`: every variable, by name. */
export async function varsList(session: Session): Promise<number> {
  const { out } = session;
  const variables = await withStore(session, await session.config(), listVariables);
  const titles = ["NAME", "VALUE", "CHANGED", "DESCRIPTION"].map((title) => ({ title }));
  const cells = variables.map(({ name, value, updatedAt, description }) => [
    name,
    oneLine(valueText(value)),
    timeText(updatedAt),
    oneLine(description ?? ""),
  ]);
  if (variables.length === 0) out.print("There are no variables; `nocturne vars set` makes one.");
  else for (const line of table(titles, cells)) out.print(line);
  out.document({ variables: variables.map(documentOf) });
  return EXIT.done;
}

/** `vars get NAME`. */
export async function varsGet(session: Session, [name = ""]: readonly string[]): Promise<number> {
  const variable = await withStore(session, await session.config(), (store) => findVariable(store, name));
  if (!variable) throw new NocturneError({ code: "VARIABLE_NOT_FOUND", message: `there is no variable ${name}` });
  session.out.print(valueText(variable.value));
  session.out.document(documentOf(variable));
  return EXIT.done;
}

/** `vars set NAME VALUE`: what is rendered from then on sees it. */
export async function varsSet(
  session: Session,
  [name = "", text = ""]: readonly string[],
  { description }: { readonly description?: string },
): Promise<number> {
  const value = valueOf(text);
  if (value === null) {
    const message = `null is no value: \`nocturne vars delete ${name}\` takes the variable away; quoted, '"null"', it is a text`;
    throw new NocturneError({ code: "USAGE", message });
  }
  const told = description === undefined ? {} : { description: description === "" ? null : description };
  const answer = await change(session, { name, value, ...told });
  session.out.print(`${name} is ${answer["existed"] === true ? "now" : "new:"} ${oneLine(valueText(value))}`);
  session.out.document({ key: name, value, existed: answer["existed"] ?? false });
  return EXIT.done;
}

/** `vars delete NAME`. */
export async function varsDelete(session: Session, [name = ""]: readonly string[]): Promise<number> {
  await change(session, { name, value: null });
  session.out.print(`${name} is gone.`);
  session.out.document({ key: name, deleted: true });
  return EXIT.done;
}

async function change(session: Session, wish: VariableWish): Promise<JsonObject> {
  const mistake = wish.value === null ? null : variableMistake(wish);
  if (mistake !== null) throw new NocturneError({ code: "ACTION_INVALID", message: mistake });
  const config = await session.config();
  const body = { kind: "set_variable", ...wish, by: "cli" } as const;
  return withStore(session, config, (store) =>
    withEngine(session, config, store, [], () => carriedOut(session, store, body)),
  );
}

/** JSON where it is JSON, else the text itself; so is a number that would read back as another one: 1.10, or 20 digits. */
export function valueOf(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return text;
  }
  return typeof value === "number" && JSON.stringify(value) !== text.trim() ? text : value;
}

const valueText = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

const oneLine = (text: string): string => cut(text.replace(/\s+/g, " "), SHOWN);

const documentOf = ({ name, value, description, updatedAt }: Variable) => ({
  key: name,
  value,
  description,
  updated_at: isoOrNull(updatedAt),
});
