/**
 * What can go wrong between the operator and its NATS server. Library errors are translated here and nowhere else, so
 * that a caller switches on `kind` and never reads a text.
 */
import { jetStreamFault, jetStreamLimit } from '@distillery/protocol';
import { AuthorizationError, PermissionViolationError, RequestError } from '@nats-io/transport-node';
import { JetStreamApiError } from '@nats-io/jetstream';

import { roomSentence } from './room.js';

export type StreamErrorKind =
  | 'unreachable'
  | 'unauthorized'
  | 'tooOld'
  | 'noJetStream'
  | 'missing'
  | 'refused'
  | 'full'
  | 'damaged'
  | 'noServer'
  /** This process may not write any more; nothing was sent. */
  | 'notLeading';

export class StreamError extends Error {
  override readonly name = 'StreamError';
  constructor(
    readonly kind: StreamErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** True when the same call may succeed later without anybody changing anything. */
  get retryable(): boolean {
    return this.kind === 'unreachable' || this.kind === 'missing' || this.kind === 'notLeading';
  }

  /** True when somebody has to change something first, as the message says. */
  get hinders(): boolean {
    return !this.retryable;
  }
}

/** Translates whatever the client library threw while `doing` something, such as "create stream X". */
export function streamErrorFrom(error: unknown, doing: string): StreamError {
  if (error instanceof StreamError) return error;
  const options = { cause: error };
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof JetStreamApiError) {
    const { code, status } = error;
    switch (jetStreamFault({ code, status, description: text })) {
      case 'passing':
        return new StreamError('unreachable', `${doing}: NATS cannot do it now (${text}); it is tried again`, options);
      case 'missing':
        return new StreamError('missing', `${doing}: ${text}; it is created again`, options);
      case 'noJetStream':
        return noJetStream(doing, options);
      case 'noRoom':
      case 'full':
        return new StreamError('full', `${doing}: ${roomSentence({ limit: jetStreamLimit({ code }), text })}`, options);
      case 'moved':
      case 'taken':
      case 'refused':
        return new StreamError('refused', `${doing}: the NATS server refused: ${text} (code ${code})`, options);
    }
  }
  // JetStream of an account is a listener on its API subjects: an account without it has none. The library does not export
  // the type.
  if (error instanceof Error && error.name === 'JetStreamNotEnabled') return noJetStream(doing, options);
  const cause = error instanceof RequestError ? error.cause : error;
  if (cause instanceof PermissionViolationError || cause instanceof AuthorizationError) {
    return new StreamError(
      'unauthorized',
      `${doing}: NATS refused this user: ${text}; give the user the rights that docs/protocol.md lists for its role`,
      options,
    );
  }
  return new StreamError('unreachable', `${doing}: no answer from NATS (${text}); it is tried again`, options);
}

function noJetStream(doing: string, options: ErrorOptions): StreamError {
  return new StreamError(
    'noJetStream',
    `${doing}: JetStream is off for this account of the NATS server; enable jetstream in the server's configuration, and ` +
      "for the account where accounts are configured. It is also off for an account whose storage limit exceeds the server's " +
      'max_file_store',
    options,
  );
}
