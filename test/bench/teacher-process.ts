/** A teacher process, and what it is known to hold. */
import type { ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import type { TeacherReport } from './reports.js';

export interface DeliveredItem {
  readonly step: number;
  /** 1 at the first delivery. */
  readonly deliveries: number;
  readonly atMs: number;
}

export class WatchedTeacher {
  readonly #child: ChildProcess;
  /** Steps delivered to it and not yet dealt with. */
  readonly #held = new Set<number>();
  #answered = false;

  /** @param onDelivered called at each delivery that it reports */
  constructor(child: ChildProcess, onDelivered: (item: DeliveredItem) => void) {
    this.#child = child;
    child.on('message', (message) => {
      const told = message as TeacherReport;
      if (told.kind === 'done') {
        this.#held.delete(told.step);
        this.#answered = true;
      } else if (told.kind === 'delivered') {
        this.#held.add(told.step);
        onDelivered(told);
      }
    });
  }

  /** Whether it takes its part in the work. */
  get atWork(): boolean {
    return this.#answered;
  }

  /**
   * SIGKILL in the middle of an item.
   * @param serviceMs how long its device takes for one
   * @returns when, and the steps that it held
   */
  async killInTheMiddle(serviceMs: number): Promise<{ readonly atMs: number; readonly held: readonly number[] }> {
    const gone = once(this.#child, 'disconnect');
    for await (const [message] of on(this.#child, 'message') as AsyncIterable<[TeacherReport]>) {
      if (message.kind === 'begun') break;
    }
    await sleep(serviceMs / 2);
    const atMs = Date.now();
    this.#child.kill('SIGKILL');
    // After it has told all that it lived to tell.
    await gone;
    return { atMs, held: [...this.#held] };
  }
}
