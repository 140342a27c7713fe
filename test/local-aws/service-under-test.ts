import { mkdir, mkdtemp, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import type { Journal, JsonService, S3Files, ServiceDependencies } from "../../deploy/local-aws/contract.ts";
import { openJournal } from "../../deploy/local-aws/journal.ts";
import { wallClock } from "../../deploy/local-aws/scaled-clock.ts";

/** A folder as S3, enough for a service that is called directly. */
export function s3Folder(root: string): S3Files {
  const pathOf = (uri: string): string => join(root, ...uri.replace("s3://", "").split("/"));
  return {
    root,
    pathOf,
    list: async (uri) => {
      const [bucket = ""] = uri.replace("s3://", "").split("/");
      const names = await readdir(join(root, bucket), { recursive: true, withFileTypes: true }).catch(() => []);
      const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      const objects = await Promise.all(
        files.map(async (path) => ({
          uri: `s3://${relative(root, path).split(sep).join("/")}`,
          path,
          size: (await stat(path)).size,
        })),
      );
      return objects.filter((object) => object.uri.startsWith(uri)).sort((a, b) => (a.uri < b.uri ? -1 : 1));
    },
    read: (uri) => readFile(pathOf(uri)),
    write: async (uri, body) => {
      const path = pathOf(uri);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, body);
      await rename(`${path}.new`, path);
    },
  };
}

export interface ServiceUnderTest {
  readonly service: JsonService;
  readonly s3: S3Files;
  readonly journal: Journal;
  /** The answer of an operation, given to the handler directly. */
  call<T>(operation: string, input: object): Promise<T>;
  /** Stops the service and starts another one over the same folder, as a restart of local-aws does. */
  restarted(): Promise<ServiceUnderTest>;
  stop(): Promise<void>;
}

/** A service over a folder of its own, started. */
export async function startService(
  create: (deps: ServiceDependencies) => JsonService,
  folder?: string,
): Promise<ServiceUnderTest> {
  const home = folder ?? (await mkdtemp(join(tmpdir(), "local-aws-test-")));
  const journal = await openJournal(join(home, "journal.jsonl"));
  const s3 = s3Folder(join(home, "s3"));
  const service = create({
    home: join(home, "service"),
    region: "eu-central-1",
    accountId: "000000000000",
    clock: wallClock,
    s3,
    journal,
    threads: 2,
  });
  await service.start();
  const stop = async (): Promise<void> => {
    await service.stop();
    await journal.close();
  };
  return {
    service,
    s3,
    journal,
    call: async <T>(operation: string, input: object) => {
      const handler = service.operations[operation];
      if (handler === undefined) throw new Error(`no operation ${operation}`);
      return (await handler(input, { operation, requestId: "test" })) as T;
    },
    restarted: async () => {
      await stop();
      return startService(create, home);
    },
    stop,
  };
}

/** Asks again at once until the answer is the one waited for; fails after fifty seconds. */
export async function eventually<T>(ask: () => Promise<T>, isIt: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 50_000;
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
