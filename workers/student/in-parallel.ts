export interface Lanes {
  /** Items in work at a time, at most. */
  readonly count: number;
  /** True when no further item shall be begun. */
  readonly over: () => boolean;
}

/** Works on the items in their order, some at a time; resolves when all that were begun are done. @throws what `work` throws */
export async function inParallel<T>(
  items: readonly T[],
  lanes: Lanes,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const each = Array.from({ length: Math.min(lanes.count, items.length) }, async () => {
    for (const item of queue) {
      if (lanes.over()) return;
      await work(item);
    }
  });
  await Promise.all(each);
}
