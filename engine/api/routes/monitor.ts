import type { z } from "zod";
import { DEFAULT_SETTINGS } from "../../core/settings.ts";
import { storeHealth, type StoreHealth } from "../../store/read-models/health.ts";
import { isoOrNull } from "../answers/run.ts";
import type { Api, ApiOptions, ServiceStatus } from "../options.ts";
import { HealthAnswer, VersionInfoAnswer, refusals } from "../schemas/answers.ts";

/** A monitor asks again soon: better no answer from the database than none at all. */
const LOOK_MS = 2_000;

export function monitorRoutes(app: Api, options: ApiOptions): void {
  app.get(
    "/api/v2/monitor/health",
    {
      config: { isOpen: true },
      schema: {
        operationId: "get_health",
        tags: ["Monitor"],
        summary:
          "200 when everything is read, the database answers and a writer lives (a process of the role api alone does not need one); open to everybody",
        security: [],
        response: { 200: HealthAnswer, 503: HealthAnswer },
      },
    },
    async (_, reply) => {
      const [status, store] = await Promise.all([
        options.status().catch((error: unknown): ServiceStatus => {
          options.log.error({ err: error }, "the service's status is not known");
          return { isReady: false, detail: "its status is not known" };
        }),
        withinMs(storeHealth(options.store), LOOK_MS).catch(() => null),
      ]);
      const answer = healthAnswer(status, store, options.writerTtlMs ?? DEFAULT_SETTINGS.writerTtlMs);
      return reply.code(answer.ready ? 200 : 503).send(answer);
    },
  );

  app.get(
    "/api/v2/version",
    {
      schema: {
        operationId: "get_version",
        tags: ["Version"],
        summary: "Nocturne's version",
        response: { 200: VersionInfoAnswer, ...refusals(401) },
      },
    },
    async () => ({ version: options.version, git_version: null }),
  );
}

function healthAnswer(
  status: ServiceStatus,
  store: StoreHealth | null,
  writerTtlMs: number,
): z.input<typeof HealthAnswer> {
  const isHeld = store?.writer.isHeld === true;
  const expiresAt = store?.writer.expiresAt ?? null;
  const word = (isWell: boolean): string => (isWell ? "healthy" : "unhealthy");
  return {
    metadatabase: { status: word(store !== null) },
    scheduler: {
      status: word(isHeld),
      latest_scheduler_heartbeat: isoOrNull(expiresAt === null ? null : expiresAt - writerTtlMs),
    },
    triggerer: { status: null, latest_triggerer_heartbeat: null },
    dag_processor: { status: word(status.isReady), latest_dag_processor_heartbeat: null },
    ready: status.isReady && store !== null && (isHeld || status.needsWriter === false),
    detail: status.detail ?? null,
    writer: store && { is_held: isHeld },
    commands: store && { pending: store.pendingCommands },
    mail: store && { pending: store.mail.pending, trouble: status.mailTrouble ?? store.mail.trouble },
    dags: store && { import_errors: store.importErrors },
  };
}

async function withinMs<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer in ${ms} ms`));
    }, ms);
  });
  return Promise.race([promise, late]).finally(() => {
    clearTimeout(timer);
  });
}
