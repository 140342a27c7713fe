const NONE: readonly never[] = [];

/** A map that most runs leave empty: its table, larger than the rest of it, is made when something is put into it. */
export class LazyMap<K, V> {
  private made: Map<K, V> | null = null;

  /** With these entries. */
  static of<K, V>(entries: Iterable<readonly [K, V]>): LazyMap<K, V> {
    const map = new LazyMap<K, V>();
    for (const [key, value] of entries) map.set(key, value);
    return map;
  }

  get size(): number {
    return this.made?.size ?? 0;
  }

  has(key: K): boolean {
    return this.made?.has(key) ?? false;
  }

  get(key: K): V | undefined {
    return this.made?.get(key);
  }

  set(key: K, value: V): void {
    (this.made ??= new Map<K, V>()).set(key, value);
  }

  delete(key: K): void {
    this.made?.delete(key);
  }

  keys(): Iterable<K> {
    return this.made?.keys() ?? NONE;
  }

  values(): Iterable<V> {
    return this.made?.values() ?? NONE;
  }

  [Symbol.iterator](): Iterator<[K, V]> {
    return (this.made ?? NONE)[Symbol.iterator]();
  }
}
