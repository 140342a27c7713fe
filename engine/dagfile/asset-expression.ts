import { z } from "zod";
import type { AssetExpression } from "../core/dag.ts";
import { some } from "./schema-values.ts";

const NAME = /^[A-Za-z0-9_.:/-]{1,250}$/;
const NAME_EXPECTED = "expected an asset's name: letters, digits, _ - . : and / only, at most 250";

/** What a task brings up to date, and what a DAG waits for: any name, alike in both. */
export const assetName = z.string().regex(NAME, NAME_EXPECTED);

/** "orders & (stores | shops)": & binds before |. Throws an Error that says what is wrong. */
export function parseAssets(text: string): AssetExpression {
  const tokens = text.match(/[&|()]|[^&|()\s]+/g) ?? [];
  let at = 0;
  const joined = (sign: "&" | "|", part: () => AssetExpression): AssetExpression => {
    const parts = [part()];
    while (tokens[at] === sign) {
      at++;
      parts.push(part());
    }
    return join(sign === "&" ? "all" : "any", parts);
  };
  const one = (): AssetExpression => {
    const token = tokens[at++];
    if (token === "(") {
      const inside = any();
      if (tokens[at++] !== ")") throw new Error(`expected ) to close the parenthesis, got ${shown(tokens[at - 1])}`);
      return inside;
    }
    if (token === undefined || /^[&|)]$/.test(token)) {
      throw new Error(`expected an asset such as "orders & (stores | shops)", got ${shown(token)}`);
    }
    if (!NAME.test(token)) throw new Error(`${NAME_EXPECTED}, got ${JSON.stringify(token)}`);
    return token;
  };
  const any = (): AssetExpression => joined("|", () => joined("&", one));
  const found = any();
  if (at < tokens.length) throw new Error(`expected & or | between two assets, got ${shown(tokens[at])}`);
  return found;
}

const shown = (token: string | undefined): string => (token === undefined ? "nothing more" : JSON.stringify(token));

/** One of a kind is itself; a list within a list of its kind is one list. */
function join(kind: "all" | "any", parts: readonly AssetExpression[]): AssetExpression {
  const flat = parts.flatMap((part) =>
    typeof part === "object" && kind in part ? Object.values(part).flat() : [part],
  );
  const [only] = flat;
  if (flat.length === 1 && only !== undefined) return only;
  return kind === "all" ? { all: flat } : { any: flat };
}

const assetText = z.string().transform((value, context): AssetExpression => {
  try {
    return parseAssets(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
    return z.NEVER;
  }
});

type AssetInput = string | AssetInput[] | { all: AssetInput[] } | { any: AssetInput[] };

/** Names joined by & and |, a list (all of them), { all: […] } or { any: […] }, one within the other. */
export const onAssets: z.ZodType<AssetExpression, AssetInput> = z
  .lazy(() =>
    z.union([
      assetText,
      some(onAssets, "asset").transform((all) => join("all", all)),
      z.strictObject({ all: some(onAssets, "asset") }).transform(({ all }) => join("all", all)),
      z.strictObject({ any: some(onAssets, "asset") }).transform(({ any }) => join("any", any)),
    ]),
  )
  .meta({ id: "assets" });
