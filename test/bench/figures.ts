/** One measured figure. `ratio` is value / reference, where a reference was measured in the same run. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string | null;
  readonly reference: number | null;
  readonly ratio: number | null;
}

/** What a benchmark is given to speak with. */
export interface Telling {
  /** Tells a person what it is doing. */
  progress(line: string): void;
  /** A setting that its figures rest on: printed with them. */
  setting(name: string, value: string): void;
}

/** A benchmark: prints nothing itself, measures and answers. */
export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  run(tell: Telling): Promise<readonly Figure[]>;
}

export function figure(
  what: string,
  value: number,
  unit: string,
  more: { readonly target?: string; readonly reference?: number } = {},
): Figure {
  const { target = null, reference = null } = more;
  const rounded = Number(value.toPrecision(4));
  const ratio = reference === null ? null : Number((value / reference).toFixed(2));
  return { what, value: rounded, unit, target, reference, ratio };
}

/** The value below which `part` of them lie: 0.5 is the median. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const lower = sorted[Math.floor(at)] ?? NaN;
  return lower + ((sorted[Math.ceil(at)] ?? NaN) - lower) * (at % 1);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
