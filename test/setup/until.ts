/**
 * Looks again and again until `look` gives something, which is neither false nor null nor undefined, and answers it. Another
 * process or connection does what is waited for, so there is nothing to await. The limit is no expectation: it lets a test
 * that hangs fail with a sentence before vitest ends it without one. A lease alone may take ten seconds to run out.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  withinMs = 50_000,
): Promise<T> {
  const limit = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== null && found !== undefined) return found;
    if (performance.now() > limit) throw new Error(`waited ${withinMs / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until `isSo` answers true; its source is the sentence that it fails with. */
export async function untilSo(isSo: () => Promise<boolean>): Promise<void> {
  await until(`it to be so: ${isSo.toString()}`, isSo);
}
