/** What can go wrong between a worker and NATS. Each knows how its process must end (base/exit.ts). */
import type { FaultOf } from '@distillery/base';
import { jetStreamRefusal } from '@distillery/nats';

import { WorkerError } from '../base/index.js';

/** No answer from NATS within the time that was allowed, or the connection is closed for good. */
export class StreamUnreachable extends WorkerError {
  override readonly name = 'StreamUnreachable';
  override readonly kind = 'StreamUnreachable';

  constructor(
    readonly url: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    const remedy = 'check that the server runs and can be reached from here';
    super('unreachable', { about: `NATS at ${url}`, problem: reason, remedy }, options);
  }
}

/** The server's TLS certificate is not accepted, for as long as it was waited for: the platform has to act. */
export class CertificateRefused extends WorkerError {
  override readonly name = 'CertificateRefused';
  override readonly kind = 'CertificateRefused';

  /** @param fault as `dialFaultOf` returns it */
  constructor(url: string, fault: FaultOf, options?: ErrorOptions) {
    super('unreachable', { about: `NATS at ${url}`, ...fault }, options);
  }
}

/** The server does not know this worker, for as long as it was waited for. Not the job's fault, so it is tried again. */
export class LoginRefused extends WorkerError {
  override readonly name = 'LoginRefused';
  override readonly kind = 'LoginRefused';

  constructor(url: string, whose: string, options?: ErrorOptions) {
    super(
      'unreachable',
      {
        about: `NATS at ${url}`,
        problem: `authentication failed: the server refuses ${whose}`,
        remedy: "check the operator's NATS settings, and the account and its signing keys on the server",
      },
      options,
    );
  }
}

/** NATS refused the request: another attempt would be refused, too. */
export class StreamRefused extends WorkerError {
  override readonly name = 'StreamRefused';
  override readonly kind = 'StreamRefused';

  constructor(doing: string, reason: string, options?: ErrorOptions) {
    super(
      'terminal',
      { about: doing, problem: `NATS refused: ${reason}`, remedy: "check the worker's rights" },
      options,
    );
  }
}

/** Any refusal that the caller does not expect, as StreamRefused; other errors unchanged. */
export function refused(doing: string, error: unknown): Error {
  const refusal = jetStreamRefusal(error);
  if (refusal !== null) return new StreamRefused(doing, refusal.text, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** The job's reference answers were written by a newer worker and require features that this one lacks. */
export class ReferenceRefused extends WorkerError {
  override readonly name = 'ReferenceRefused';
  override readonly kind = 'ReferenceRefused';

  /** @param problem see missingFeaturesText */
  constructor(problem: string) {
    super('terminal', {
      about: "the job's reference answers",
      problem: `the message ${problem}`,
      remedy: 'use workers of one version in all pools',
    });
  }
}

/** Another teacher's answer to the same step is stored, and it is of another model or another augmentation. */
export class FrameConflict extends WorkerError {
  override readonly name = 'FrameConflict';
  override readonly kind = 'FrameConflict';

  constructor(
    readonly step: number,
    readonly shard: number,
    field: 'teacher digest' | 'augmentation seed',
    stored: string | number,
    own: string | number,
  ) {
    super('terminal', {
      about: `step ${step}, shard ${shard}`,
      problem: `another teacher's frame is stored, with ${field} ${stored} instead of ${own}`,
      remedy: 'give all teachers of the job the same model and the same release',
    });
  }
}

/** A newer attempt of the student has taken over: this one must stop without writing (design §4 "Fencing"). */
export class Fenced extends WorkerError {
  override readonly name = 'Fenced';
  override readonly kind = 'Fenced';

  constructor(
    readonly attempt: number,
    readonly found: number,
  ) {
    super('fenced', {
      about: `attempt ${attempt}`,
      problem: `attempt ${found} has taken over in the job's state; this student stops without writing`,
      remedy: '',
    });
  }
}

/** The job's object store takes no more: it, the account or the server is full, or the server's disk takes no writes. */
export class ObjectStoreFull extends WorkerError {
  override readonly name = 'ObjectStoreFull';
  override readonly kind = 'ObjectStoreFull';

  constructor(
    readonly object: string,
    fault: FaultOf,
    options?: ErrorOptions,
  ) {
    super('storage', { ...fault, about: `object ${object}` }, options);
  }
}

/** A stored object whose pieces are missing or whose digest does not fit. */
export class ObjectDamaged extends WorkerError {
  override readonly name = 'ObjectDamaged';
  override readonly kind = 'ObjectDamaged';

  constructor(
    readonly object: string,
    problem: string,
  ) {
    super('error', {
      about: `object ${object}`,
      problem: `${problem}; it is damaged in the store of the NATS server`,
      remedy: '',
    });
  }
}
