/** What can go wrong between a worker and NATS. Each knows how its process must end (base/exit.ts). */
import { WorkerError } from '../base/index.js';

/** No answer from NATS within the time that was allowed, or the connection is closed for good. */
export class StreamUnreachable extends WorkerError {
  constructor(
    readonly url: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super('unreachable', `NATS at ${url}: ${reason}; check that the server runs and can be reached from here`, options);
  }
}

/** The server's TLS certificate is not accepted, for as long as it was waited for: the platform has to act. */
export class CertificateRefused extends WorkerError {
  constructor(url: string, fault: string, reason: string, options?: ErrorOptions) {
    super('unreachable', `NATS at ${url}: no TLS connection: ${fault} (${reason})`, options);
  }
}

/** The server does not know this worker, for as long as it was waited for. Not the job's fault, so it is tried again. */
export class LoginRefused extends WorkerError {
  constructor(url: string, whose: string, options?: ErrorOptions) {
    super(
      'unreachable',
      `NATS at ${url}: authentication failed: the server refuses ${whose}. Check the operator's NATS settings, and the ` +
        'account and its signing keys on the server',
      options,
    );
  }
}

/** NATS answered, and the answer is no: another attempt would hear the same. */
export class StreamRefused extends WorkerError {
  constructor(doing: string, reason: string, options?: ErrorOptions) {
    super('terminal', `${doing}: NATS refused: ${reason}`, options);
  }
}

/** Another teacher's answer to the same step is stored, and it is of another model or another augmentation. */
export class FrameConflict extends WorkerError {
  constructor(
    readonly step: number,
    readonly shard: number,
    field: 'teacher digest' | 'augmentation seed',
    stored: string | number,
    own: string | number,
  ) {
    super(
      'terminal',
      `step ${step}, shard ${shard}: another teacher's frame is stored, with ${field} ${stored} instead of ${own}; ` +
        'all teachers of a job must serve the same model',
    );
  }
}

/** A newer attempt of the student has taken over: this one must stop without writing (design §4 "Fencing"). */
export class Fenced extends WorkerError {
  constructor(
    readonly attempt: number,
    readonly found: number,
  ) {
    super(
      'fenced',
      `attempt ${attempt}: found attempt ${found} in the job's state; this student stops without writing`,
    );
  }
}

/** The job's object store takes no more: it, the account or the server is full, or the server's disk takes no writes. */
export class ObjectStoreFull extends WorkerError {
  constructor(
    readonly object: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super('storage', `object ${object}: ${reason}`, options);
  }
}

/** A stored object whose pieces are missing or whose digest does not fit. */
export class ObjectDamaged extends WorkerError {
  constructor(
    readonly object: string,
    readonly reason: string,
  ) {
    super('error', `object ${object}: ${reason}; it is damaged in the store of the NATS server`);
  }
}
