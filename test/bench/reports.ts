/** Reports of a benchmark's workers to the process that started them, over their IPC channel. */

/** The state of one delivery of a work item at a teacher. */
export interface DeliveryReport {
  readonly kind: 'delivered' | 'done';
  readonly step: number;
  /** 1 at the first delivery. */
  readonly deliveries: number;
  /** Milliseconds since 1970: the clock that all processes of a machine share. */
  readonly atMs: number;
}

/** The device has begun to compute an item. */
export interface BegunReport {
  readonly kind: 'begun';
  readonly atMs: number;
}

export type TeacherReport = DeliveryReport | BegunReport;

/** A step as the student's compute thread measures it: it waited for `idleMs`, then worked for `busyMs` until `atMs`. */
export interface StepReport {
  readonly step: number;
  readonly atMs: number;
  readonly busyMs: number;
  readonly idleMs: number;
}

/** Sends a report to the parent process; does nothing without an IPC channel. */
export function report(message: TeacherReport | StepReport): void {
  process.send?.(message);
}
