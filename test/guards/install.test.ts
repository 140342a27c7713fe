import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Manifest {
  readonly version?: string;
  readonly resolved?: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), "utf8")) as Manifest;
const manifest = read("package.json");
const { packages } = read("package-lock.json") as unknown as { packages: Record<string, Manifest> };

/** Where Node finds `name` from the package at `from`: nested first, then upwards. */
function found(from: string, name: string): Manifest | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    const here = packages[at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`];
    if (here || at === "") return here;
  }
}

describe("what npm ci installs", () => {
  it("is pinned to exact versions", () => {
    const wanted = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
    const loose = Object.entries(wanted).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    expect(loose).toEqual([]);
  });

  it("is locked for every platform: npm ci refuses a lock that leaves out another system's binaries", () => {
    const missing = Object.entries(packages).flatMap(([from, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).filter((name) => found(from, name)?.version === undefined),
    );
    expect(missing).toEqual([]);
  });

  it("comes from whatever registry the machine uses", () => {
    expect(Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });
});
