/**
 * What can go wrong between the operator and its NATS server. Library errors are translated here and nowhere else, so
 * that a caller switches on `kind` and never reads a text.
 */
import { AuthorizationError, PermissionViolationError, RequestError } from '@nats-io/transport-node';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';

export type StreamErrorKind =
  'unreachable' | 'unauthorized' | 'tooOld' | 'noJetStream' | 'missing' | 'refused' | 'full' | 'damaged' | 'noServer';

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
    return this.kind === 'unreachable' || this.kind === 'missing';
  }

  /** True when somebody has to change something first, as the message says. */
  get hinders(): boolean {
    return !this.retryable;
  }
}

/** Server error codes beyond those that the client library names. */
const insufficientResources = 10023;
const storageExceeded = 10047;
const memoryExceeded = 10028;
const jetStreamNotEnabled = 10076;

/** Translates whatever the client library threw while `doing` something, such as "create stream X". */
export function streamErrorFrom(error: unknown, doing: string): StreamError {
  if (error instanceof StreamError) return error;
  const options = { cause: error };
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof JetStreamApiError) {
    switch (error.code) {
      case JetStreamApiCodes.StreamNotFound:
      case JetStreamApiCodes.ConsumerNotFound:
      case JetStreamApiCodes.NoMessageFound:
        return new StreamError('missing', `${doing}: ${text}; the operator creates it again at its next look`, options);
      case JetStreamApiCodes.JetStreamNotEnabledForAccount:
      case jetStreamNotEnabled:
        return new StreamError(
          'noJetStream',
          `${doing}: the NATS account has no JetStream; enable jetstream in the server's configuration`,
          options,
        );
      case insufficientResources:
      case storageExceeded:
      case memoryExceeded:
        return new StreamError(
          'full',
          `${doing}: found no room in the NATS server's store (${text}), expected three quarters of its disk's free space to do; ` +
            'free some space there, or lower spec.logits.maxBytes',
          options,
        );
      default:
        return new StreamError('refused', `${doing}: the NATS server refused: ${text} (code ${error.code})`, options);
    }
  }
  const cause = error instanceof RequestError ? error.cause : error;
  if (cause instanceof PermissionViolationError || cause instanceof AuthorizationError) {
    return new StreamError(
      'unauthorized',
      `${doing}: NATS refused this user: ${text}; check the user's password and permissions (docs/adr/0005)`,
      options,
    );
  }
  return new StreamError('unreachable', `${doing}: no answer from NATS (${text}); it is tried again`, options);
}
