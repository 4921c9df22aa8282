/**
 * What an error of the client library means. No caller reads a text or a code of the library: it asks here, and the
 * answers of JetStream are read by the table of packages/protocol/src/jetstream-errors.ts.
 */
import { type JetStreamFault, jetStreamFault, type JetStreamLimit, jetStreamLimit } from '@distillery/protocol';
import { JetStreamApiError } from '@nats-io/jetstream';
import {
  AuthorizationError,
  ClosedConnectionError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
} from '@nats-io/transport-node';

/** What JetStream answered to a request that it did not fulfill. */
export interface JetStreamRefusal {
  readonly fault: JetStreamFault;
  /** Whose limit is reached; of use only for the fault `noRoom`. */
  readonly limit: JetStreamLimit;
  readonly code: number;
  /** The server's own words. */
  readonly text: string;
}

/** @returns null when the error is no answer of JetStream */
export function jetStreamRefusal(error: unknown): JetStreamRefusal | null {
  if (!(error instanceof JetStreamApiError)) return null;
  const { code, status, message: text } = error;
  return { fault: jetStreamFault({ code, status, description: text }), limit: jetStreamLimit({ code }), code, text };
}

/** True when a stream, consumer or message does not exist. */
export function isMissing(error: unknown): boolean {
  return jetStreamRefusal(error)?.fault === 'missing';
}

/** The answer, or null when the stream, consumer or message does not exist. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** The server's refusal of a subject to this user, in the error or below it; null when it is about something else. */
export function permissionViolationIn(error: unknown): PermissionViolationError | null {
  return withCause(error).find((each) => each instanceof PermissionViolationError) ?? null;
}

/** True when the server does not accept this user, or not for this subject. */
export function isUnauthorized(error: unknown): boolean {
  const cause = error instanceof RequestError ? error.cause : error;
  return cause instanceof PermissionViolationError || cause instanceof AuthorizationError;
}

/** True when no listener takes requests on the subject. */
export function hasNoListener(error: unknown): boolean {
  return error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders());
}

export function isClosed(error: unknown): boolean {
  return error instanceof ClosedConnectionError;
}

/** Around some answers, and around the lack of one, the library puts an error whose type it does not export. */
export function withCause(error: unknown): readonly unknown[] {
  return error instanceof Error ? [error, error.cause] : [error];
}
