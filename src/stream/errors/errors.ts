/** What can go wrong between the operator and its NATS server: a caller switches on `reason` and never reads a text. */
import { DistilleryError, type Fault, type Retry } from '@distillery/base';
import {
  hasNoListener,
  isUnauthorized,
  jetStreamRefusal,
  type JetStreamRefusal,
  roomFault,
  withCause,
} from '@distillery/nats';

import { saving } from './room.js';

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
  const [refusal] = withCause(error).flatMap((each) => jetStreamRefusal(each) ?? []);
  if (refusal !== undefined) return refusedBy(refusal, doing, text, options);
  // JetStream of an account is a listener on its API subjects: an account without it has none.
  if (error instanceof Error && hasNoListener(error.cause)) return noJetStream(doing, options);
  if (isUnauthorized(error)) {
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
    { about: doing, problem: `no answer from NATS (${text})`, remedy: '' },
    options,
  );
}

function refusedBy(
  { fault, limit, code }: JetStreamRefusal,
  about: string,
  text: string,
  options: ErrorOptions,
): StreamError {
  switch (fault) {
    case 'passing':
      return new StreamError('unreachable', { about, problem: `NATS cannot do it now (${text})`, remedy: '' }, options);
    case 'missing':
      return new StreamError('missing', { about, problem: text, remedy: '' }, options);
    case 'noJetStream':
      return noJetStream(about, options);
    case 'noRoom':
    case 'full':
      return new StreamError('full', { about, ...roomFault({ limit, text, saving }) }, options);
    case 'moved':
    case 'taken':
    case 'refused':
      return new StreamError(
        'refused',
        {
          about,
          problem: `the NATS server refused: ${text} (code ${code})`,
          remedy: "check the server's log and configuration",
        },
        options,
      );
  }
}

function noJetStream(doing: string, options: ErrorOptions): StreamError {
  return new StreamError(
    'noJetStream',
    {
      about: doing,
      problem: 'JetStream is off for this account of the NATS server',
      remedy:
        "enable jetstream in the server's configuration, and for the account where accounts are configured. It is also off " +
        "for an account whose storage limit exceeds the server's max_file_store",
    },
    options,
  );
}
