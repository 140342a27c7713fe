import type { FastifyInstance } from "fastify";

/** Remembers every path with its methods, so that a wrong method is told from a wrong path. */
export function rememberPaths(app: FastifyInstance): { methodsOf(path: string): readonly string[] } {
  const paths = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  app.addHook("onRoute", ({ url, method }) => {
    const pattern = new RegExp(`^${url.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`);
    const known = paths.get(url) ?? { pattern, methods: new Set() };
    for (const each of [method].flat()) known.methods.add(each);
    paths.set(url, known);
  });
  return {
    methodsOf: (path) =>
      [...paths.values()].flatMap(({ pattern, methods }) => (pattern.test(path) ? [...methods] : [])),
  };
}
