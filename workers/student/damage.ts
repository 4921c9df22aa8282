/**
 * Frames that came back wrong: which ones the operator shall delete, and how often each place was wrong already. Bounded
 * by the window, since places of trained steps are forgotten.
 */
import { type DamagedFrame, maxDamagedFrames } from '@distillery/protocol';

interface Place {
  readonly step: number;
  /** Wrong frames so far. */
  readonly count: number;
  /** The one that is stored now; null when it is gone. */
  readonly frame: DamagedFrame | null;
}

/** The telemetry's limit. */
const maxReasonLength = 500;

export class DamageLog {
  readonly #places = new Map<string, Place>();

  /** Frames for the operator to delete, as many as the telemetry carries. */
  get frames(): DamagedFrame[] {
    return [...this.#places.values()].flatMap(({ frame }) => frame ?? []).slice(0, maxDamagedFrames);
  }

  /** @returns how many wrong frames this place had; null when this very one was noted before */
  note({ reason, ...frame }: DamagedFrame): number | null {
    const key = keyOf(frame.step, frame.shard);
    const before = this.#places.get(key);
    if (before?.frame?.sequence === frame.sequence) return null;
    const count = (before?.count ?? 0) + 1;
    this.#places.set(key, { step: frame.step, count, frame: { ...frame, reason: reason.slice(0, maxReasonLength) } });
    return count;
  }

  /** The wrong frame is not stored any more. Its sequence must not be told on: another stream may use it again. */
  gone(step: number, shard: number): void {
    const key = keyOf(step, shard);
    const place = this.#places.get(key);
    if (place !== undefined) this.#places.set(key, { ...place, frame: null });
  }

  /** These steps are trained. */
  discardThrough(step: number): void {
    for (const [key, place] of this.#places) if (place.step <= step) this.#places.delete(key);
  }
}

function keyOf(step: number, shard: number): string {
  return `${step}.${shard}`;
}
