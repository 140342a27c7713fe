import { dagJsonSchema } from "../../dagfile/json-schema.ts";
import { EXIT } from "../exit-codes.ts";
import type { Session } from "../session.ts";

/** `dags schema`: the JSON Schema of DAG files; the document itself, with and without --json. */
export async function dagsSchema(session: Session): Promise<number> {
  const schema = dagJsonSchema(await session.app.operators());
  session.out.print(JSON.stringify(schema, null, 2));
  session.out.document(schema);
  return EXIT.done;
}
