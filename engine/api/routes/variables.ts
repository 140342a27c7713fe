import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { variableMistake, type Variable, type VariableWish } from "../../core/variables.ts";
import { findVariable, listVariables } from "../../store/read-models/variables.ts";
import { ApiError } from "../answer-error.ts";
import { visibleTo } from "../auth.ts";
import { COMMAND_MS, carryOut } from "../carry-out.ts";
import type { Api, ApiOptions } from "../options.ts";
import { refusals } from "../schemas/answers.ts";
import { many, orderOf, paging } from "../schemas/queries.ts";
import { VariableAnswer, VariableBody, VariablesAnswer } from "../schemas/variables.ts";

const REFUSED = refusals(400, 401, 403, 404, 409, 413, 415, 422, 429, 503);
const tags = ["Variable"];
const OfKey = z.object({ variable_key: z.string() });
const Mask = z.strictObject({ update_mask: many(z.enum(["key", "value", "description"])) });
/** Airflow's clients ask for the order of `id`, which here is that of the key. */
const ListQuery = z.strictObject(paging(["key", "id"]));

/** Variables, in Airflow's fields. They are of no DAG: only tokens that reach every DAG read or change them. */
export function variableRoutes(app: Api, { store, commandTimeoutMs = COMMAND_MS }: ApiOptions): void {
  // Longer than it waits for the writer, so that the answer says what became of the wish.
  const handlerTimeout = commandTimeoutMs * 2 + 5_000;

  async function change(request: FastifyRequest, wish: VariableWish): Promise<void> {
    mayReach(request);
    const mistake = wish.value === null ? null : variableMistake(wish);
    if (mistake !== null) throw new ApiError(422, "REQUEST_INVALID", mistake);
    const by = `rest_api:${request.caller?.id ?? ""}`;
    await carryOut(store, { kind: "set_variable", ...wish, by, from: request.ip }, commandTimeoutMs);
  }

  async function found(key: string) {
    const variable = await findVariable(store, key);
    if (!variable) throw new ApiError(404, "VARIABLE_NOT_FOUND", `there is no variable ${key}`);
    return answerOf(variable);
  }

  app.get(
    "/api/v2/variables",
    {
      schema: {
        operationId: "get_variables",
        tags,
        summary: "Every variable that templates may read, by key",
        querystring: ListQuery,
        response: { 200: VariablesAnswer, ...refusals(401, 403, 422, 503) },
      },
    },
    async (request) => {
      mayReach(request);
      const { limit, offset, order_by: names } = request.query;
      const variables = await listVariables(store);
      if (orderOf(names)[0]?.isDescending) variables.reverse();
      const page = variables.slice(offset, offset + limit);
      return { variables: page.map(answerOf), total_entries: variables.length };
    },
  );

  app.get(
    "/api/v2/variables/:variable_key",
    {
      schema: {
        operationId: "get_variable",
        tags,
        summary: "One variable",
        params: OfKey,
        response: { 200: VariableAnswer, ...refusals(401, 403, 404, 503) },
      },
    },
    async (request) => {
      mayReach(request);
      return found(request.params.variable_key);
    },
  );

  app.post(
    "/api/v2/variables",
    {
      handlerTimeout,
      schema: {
        operationId: "post_variable",
        tags,
        summary: "Makes a variable",
        body: VariableBody,
        response: { 201: VariableAnswer, ...REFUSED },
      },
    },
    async (request, reply) => {
      const { key: name, value, description = null } = request.body;
      await change(request, { name, value, description, onlyIf: "new" });
      return reply.status(201).send(await found(name));
    },
  );

  app.patch(
    "/api/v2/variables/:variable_key",
    {
      handlerTimeout,
      schema: {
        operationId: "patch_variable",
        tags,
        summary: "Changes a variable; with update_mask only what that names",
        params: OfKey,
        querystring: Mask,
        body: VariableBody,
        response: { 200: VariableAnswer, ...REFUSED },
      },
    },
    async (request) => {
      const { variable_key: name } = request.params;
      const { update_mask: mask } = request.query;
      const { key, value, description } = request.body;
      if (key !== name) throw new ApiError(400, "REQUEST_INVALID", `key: ${key} is not the ${name} of the path`);
      const names = (field: "value" | "description"): boolean => mask === undefined || mask.includes(field);
      await change(request, {
        name,
        ...(names("value") ? { value } : {}),
        ...(names("description") && description !== undefined ? { description } : {}),
        onlyIf: "known",
      });
      return found(name);
    },
  );

  app.delete(
    "/api/v2/variables/:variable_key",
    {
      handlerTimeout,
      schema: {
        operationId: "delete_variable",
        tags,
        summary: "Takes a variable away; tasks whose templates read it fail from then on",
        params: OfKey,
        response: { 204: z.null(), ...REFUSED },
      },
    },
    async (request, reply) => {
      await change(request, { name: request.params.variable_key, value: null });
      return reply.status(204).send(null);
    },
  );
}

function mayReach(request: FastifyRequest): void {
  if (visibleTo(request).includes("*")) return;
  const detail = `variables are of no DAG, and the token ${request.caller?.id} does not reach every DAG`;
  throw new ApiError(403, "FORBIDDEN", detail);
}

const answerOf = ({ name, value, description }: Variable) => ({
  key: name,
  value: typeof value === "string" ? value : JSON.stringify(value),
  description,
  is_encrypted: false,
});
