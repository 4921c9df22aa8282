/**
 * What the operator observes of a job's streams at one time. Workers wrote the telemetry: it is parsed, and what does not
 * parse is counted and left out (a monitoring gap means hold, design §5.5).
 */
import type { LogitsReader, Reference, StudentState, TeacherState } from '@distillery/protocol';
import type { z } from 'zod';

export interface PresentStreams {
  readonly state: 'Present';
  /** Streams, and `stream/consumer`, that should exist and do not: provision again. */
  readonly missing: readonly string[];
  readonly work: {
    readonly messages: number;
    /** Not yet delivered to any teacher. */
    readonly pending: number;
    /** Delivered and not yet answered. */
    readonly ackPending: number;
    /** Items in work that were delivered more than once. */
    readonly redelivered: number;
  };
  readonly logits: {
    readonly messages: number;
    readonly bytes: number;
    readonly firstSequence: number;
    readonly lastSequence: number;
  };
  readonly dead: { readonly messages: number };
  readonly objects: { readonly bytes: number };
  /** Of the first rank: it owns the checkpoint. */
  readonly student: StudentState | null;
  /** One for each rank that was asked for. */
  readonly readers: readonly LogitsReader[];
  /** Those that were asked for, by pod name. */
  readonly teachers: readonly TeacherState[];
  readonly reference: Reference | null;
  /** STATE values that were no valid telemetry. */
  readonly garbage: number;
}

/** What an observation includes beside the streams themselves. */
export interface ObserveOptions {
  /** Pods whose telemetry to read; a worker may have stored any number of other keys. */
  readonly teachers?: readonly string[];
  /** Ranks of the job's student processes, `firstRank` first. Default: `studentRanks`. */
  readonly ranks?: readonly number[];
  /**
   * The caller's clock, milliseconds since 1970: `updatedAtMs` of every value then is this time less the value's age by the
   * server's clock, whatever the worker wrote. Default: the server's time of the message.
   */
  readonly nowMs?: number;
}

export type StreamObservation =
  | PresentStreams
  /** None of the job's streams exists. */
  | { readonly state: 'Absent' }
  | { readonly state: 'Unreachable'; readonly reason: string };

/** The value when `data` is JSON that fits the schema, otherwise undefined. */
export function parseJson<T>(schema: z.ZodType<T>, data: Uint8Array): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
