/** The trace of one reconcile: its phases are spans, one after the other. Absent while tracing is off (tracer/X1). */
import { isSampled, type Span, type Tracer } from '@distillery/tracing';

import type { JobKey } from './ports.js';

/** Phases of a reconcile, as reconcile.ts numbers its steps. */
export type ReconcilePhase = 'observe' | 'allocate' | 'decide' | 'act' | 'report';

export class ReconcileTrace {
  readonly #root: Span;
  #phase: Span | null = null;

  constructor(root: Span) {
    this.#root = root;
  }

  get traceId(): string {
    return this.#root.traceId;
  }

  /** The phase before it is over. */
  phase(name: ReconcilePhase): void {
    this.#phase?.end();
    this.#phase = this.#root.child(name);
  }

  end(): void {
    this.#phase?.end();
    this.#root.end();
  }

  fail(reason: string): void {
    this.#phase?.fail(reason);
    this.#root.fail(reason);
  }
}

/** @returns null when tracing is off or this reconcile is not sampled */
export function traceOf(tracer: Tracer | null, { namespace, name, uid }: JobKey, id: number): ReconcileTrace | null {
  if (tracer === null || !isSampled(id, tracer.ratio)) return null;
  const attributes = {
    'distillery.job.namespace': namespace,
    'distillery.job.name': name,
    'distillery.job.uid': uid,
    'distillery.reconcile': id,
  };
  return new ReconcileTrace(tracer.start('reconcile', { attributes }));
}
