import { z } from "zod";
import type { Json } from "../../core/json.ts";

const value = z
  .unknown()
  .refine((given) => given !== undefined && given !== null, "give it a value; DELETE takes a variable away")
  .transform((given) => given as Json)
  .meta({ description: "Any JSON but null" });

/** Airflow's variable, as it is written. */
export const VariableBody = z.strictObject({
  key: z.string(),
  value,
  description: z.string().nullable().optional(),
});

export const VariableAnswer = z
  .object({
    key: z.string(),
    value: z.string().meta({ description: "A text as it is, anything else as JSON" }),
    description: z.string().nullable(),
    is_encrypted: z.boolean(),
  })
  .meta({ id: "VariableResponse" });

export const VariablesAnswer = z
  .object({ variables: z.array(VariableAnswer), total_entries: z.int() })
  .meta({ id: "VariableCollectionResponse" });
