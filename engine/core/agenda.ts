interface Entry<T> {
  readonly at: number;
  readonly item: T;
}

/** What is due later, soonest first (a binary heap). An entry is a hint: whoever takes it asks again what is owed. */
export class Agenda<T> {
  private readonly heap: Entry<T>[] = [];

  add(at: number, item: T): void {
    this.heap.push({ at, item });
    let child = this.heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.at(parent) <= this.at(child)) break;
      this.swap(parent, child);
      child = parent;
    }
  }

  /** Everything due at `now`, or the first `most` of it. */
  take(now: number, most = Infinity): T[] {
    const due: T[] = [];
    while (due.length < most && this.at(0) <= now) due.push(this.pop());
    return due;
  }

  /** What `take` would answer, in any order. */
  look(now: number, parent = 0): T[] {
    const entry = this.heap[parent];
    if (!entry || entry.at > now) return [];
    return [entry.item, ...this.look(now, 2 * parent + 1), ...this.look(now, 2 * parent + 2)];
  }

  /** The soonest, due or not; undefined when there is none. */
  takeFirst(): T | undefined {
    return this.heap.length > 0 ? this.pop() : undefined;
  }

  get size(): number {
    return this.heap.length;
  }

  /** Forgets every entry that is not wanted any more. */
  keep(isWanted: (item: T, at: number) => boolean): void {
    for (const { at, item } of this.heap.splice(0)) if (isWanted(item, at)) this.add(at, item);
  }

  /** When the next entry is due; Infinity when there is none. */
  get nextAt(): number {
    return this.heap.length > 0 ? this.at(0) : Infinity;
  }

  private pop(): T {
    const [first] = this.heap;
    const last = this.heap.pop();
    if (!first || !last) throw new Error("the agenda is empty");
    if (this.heap.length > 0) {
      this.heap[0] = last;
      this.sink(0);
    }
    return first.item;
  }

  private sink(from: number): void {
    let parent = from;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      let least = parent;
      if (left < this.heap.length && this.at(left) < this.at(least)) least = left;
      if (right < this.heap.length && this.at(right) < this.at(least)) least = right;
      if (least === parent) return;
      this.swap(parent, least);
      parent = least;
    }
  }

  private at(index: number): number {
    return this.heap[index]?.at ?? Infinity;
  }

  private swap(a: number, b: number): void {
    const [left, right] = [this.heap[a], this.heap[b]];
    if (left && right) [this.heap[a], this.heap[b]] = [right, left];
  }
}
