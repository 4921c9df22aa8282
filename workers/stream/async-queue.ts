/** A queue between a callback that puts and a loop that takes. One reader; bounded by whoever puts. */
export class AsyncQueue<T> {
  #items: T[] = [];
  #ended = false;
  #failure: Error | null = null;
  #wake = Promise.withResolvers<undefined>();

  push(item: T): void {
    this.#items.push(item);
    this.#signal();
  }

  /** No more will come: the reader ends after what is there. */
  end(): void {
    this.#ended = true;
    this.#signal();
  }

  /** The reader throws this after what is there. */
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
