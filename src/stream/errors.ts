/**
 * What can go wrong between the operator and its NATS server. Library errors are translated here and nowhere else, so
 * that a caller switches on `reason` and never reads a text.
 */
import { DistilleryError, type Fault, type Retry } from '@distillery/base';
import { jetStreamFault, jetStreamLimit } from '@distillery/protocol';
import { AuthorizationError, PermissionViolationError, RequestError } from '@nats-io/transport-node';
import { JetStreamApiError } from '@nats-io/jetstream';

import { roomSentence } from './room.js';

export type StreamErrorReason =
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

const retries: Readonly<Record<StreamErrorReason, Retry>> = {
  unreachable: 'Later',
  unauthorized: 'AfterSomebodyActs',
  tooOld: 'AfterSomebodyActs',
  noJetStream: 'AfterSomebodyActs',
  /** The operator makes it again. */
  missing: 'Later',
  refused: 'AfterSomebodyActs',
  full: 'AfterSomebodyActs',
  damaged: 'AfterSomebodyActs',
  noServer: 'AfterSomebodyActs',
  notLeading: 'Later',
};

export class StreamError extends DistilleryError {
  override readonly name = 'StreamError';
  readonly kind: 'Stream' | 'PortTaken' = 'Stream';
  readonly retry: Retry;

  constructor(
    readonly reason: StreamErrorReason,
    fault: Fault,
    options?: ErrorOptions,
  ) {
    super(fault, options);
    this.retry = retries[reason];
  }
}

/** Translates whatever the client library threw while `doing` something, such as "create stream X". */
export function streamErrorFrom(error: unknown, doing: string): StreamError {
  if (error instanceof StreamError) return error;
  const options = { cause: error };
  const text = error instanceof Error ? error.message : String(error);
  // Around some answers, and around the lack of one, the library puts an error whose type it does not export.
  const cause = error instanceof Error ? error.cause : undefined;
  const answer = [error, cause].find((each) => each instanceof JetStreamApiError);
  if (answer !== undefined) {
    const { code, status } = answer;
    switch (jetStreamFault({ code, status, description: text })) {
      case 'passing':
        return new StreamError(
          'unreachable',
          { about: doing, problem: `NATS cannot do it now (${text})`, remedy: 'it is tried again' },
          options,
        );
      case 'missing':
        return new StreamError('missing', { about: doing, problem: text, remedy: 'it is created again' }, options);
      case 'noJetStream':
        return noJetStream(doing, options);
      case 'noRoom':
      case 'full':
        return new StreamError(
          'full',
          { about: doing, problem: roomSentence({ limit: jetStreamLimit({ code }), text }), remedy: '' },
          options,
        );
      case 'moved':
      case 'taken':
      case 'refused':
        return new StreamError(
          'refused',
          { about: doing, problem: `the NATS server refused: ${text} (code ${code})`, remedy: '' },
          options,
        );
    }
  }
  // JetStream of an account is a listener on its API subjects: an account without it has none.
  if (cause instanceof RequestError && cause.isNoResponders()) return noJetStream(doing, options);
  const refusal = error instanceof RequestError ? cause : error;
  if (refusal instanceof PermissionViolationError || refusal instanceof AuthorizationError) {
    return new StreamError(
      'unauthorized',
      {
        about: doing,
        problem: `NATS refused this user: ${text}`,
        remedy: 'give the user the rights that docs/protocol.md lists for its role',
      },
      options,
    );
  }
  return new StreamError(
    'unreachable',
    { about: doing, problem: `no answer from NATS (${text})`, remedy: 'it is tried again' },
    options,
  );
}

function noJetStream(doing: string, options: ErrorOptions): StreamError {
  return new StreamError(
    'noJetStream',
    {
      about: doing,
      problem:
        "JetStream is off for this account of the NATS server; enable jetstream in the server's configuration, and for the account where accounts are configured",
      remedy: "it is also off for an account whose storage limit exceeds the server's max_file_store",
    },
    options,
  );
}
