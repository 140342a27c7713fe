/** One measured figure. `ratio` is value / reference, where a reference was measured in the same run. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string | null;
  readonly reference: number | null;
  readonly ratio: number | null;
}

/** A benchmark: prints nothing itself, measures and answers. `progress` tells a person what it is doing. */
export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  run(progress: (line: string) => void): Promise<readonly Figure[]>;
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

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
