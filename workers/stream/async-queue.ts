/** A queue between a callback that puts and a loop that takes. One reader; the caller of `put` bounds its length. */
export class AsyncQueue<T> {
  #items: T[] = [];
  #ended = false;
  #failure: Error | null = null;
  #wake = Promise.withResolvers<undefined>();

  push(item: T): void {
    this.#items.push(item);
    this.#signal();
  }

  /** Ends the queue: the reader stops after the queued items. */
  end(): void {
    this.#ended = true;
    this.#signal();
  }

  /** The reader throws this after the queued items. */
  fail(error: Error): void {
    this.#failure = error;
    this.end();
  }

  /** Takes out everything that was not read. */
  drain(): T[] {
    const rest = this.#items;
    this.#items = [];
    return rest;
  }

  /** Removes and returns the oldest item; undefined after `end` when nothing is left. */
  async take(): Promise<T | undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return undefined;
      await this.#wake.promise;
    }
  }

  #signal(): void {
    this.#wake.resolve(undefined);
    this.#wake = Promise.withResolvers();
  }
}
