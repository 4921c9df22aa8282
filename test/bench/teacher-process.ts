/** A teacher process, and the items that it is known to hold. */
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

export class TeacherProcess {
  readonly #child: ChildProcess;
  /** Steps that were delivered to it and are not done. */
  readonly #held = new Set<number>();
  #answered = false;

  /** @param onDelivered called at each delivery that it reports */
  constructor(child: ChildProcess, onDelivered: (item: DeliveredItem) => void) {
    this.#child = child;
    child.on('message', (message) => {
      const report = message as TeacherReport;
      if (report.kind === 'done') {
        this.#held.delete(report.step);
        this.#answered = true;
      } else if (report.kind === 'delivered') {
        this.#held.add(report.step);
        onDelivered(report);
      }
    });
  }

  /** True once it has finished an item. */
  get atWork(): boolean {
    return this.#answered;
  }

  /**
   * Sends SIGKILL in the middle of an item.
   * @param serviceMs time of its device for one item
   * @returns the time of the kill, and the steps that it held
   */
  async killInTheMiddle(serviceMs: number): Promise<{ readonly atMs: number; readonly held: readonly number[] }> {
    const gone = once(this.#child, 'disconnect');
    for await (const [message] of on(this.#child, 'message') as AsyncIterable<[TeacherReport]>) {
      if (message.kind === 'begun') break;
    }
    await sleep(serviceMs / 2);
    const atMs = Date.now();
    this.#child.kill('SIGKILL');
    // Wait for the reports that it sent before its end.
    await gone;
    return { atMs, held: [...this.#held] };
  }
}
