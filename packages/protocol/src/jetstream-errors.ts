/**
 * What an error code of JetStream means: whether waiting helps, and who can resolve it. Codes are the server's
 * (`server/errors.json` of nats-server 2.15; test/kit/jetstream-errors.ts holds the list). Pure.
 *
 * Invariants:
 *  jetstream-errors/J1 `refused` means a fault in what we or the job asked, and ends a job. Trouble of the platform is
 *     never `refused`.
 *  jetstream-errors/J2 The text of an error is read here and nowhere else, and only where the server has one code for
 *     several causes.
 */

export type JetStreamFault =
  /** The server or the cluster cannot do it now: no leader, offline, busy, closing, a disk error. */
  | 'passing'
  /** The store of the server or the limits of the account are used up; passes when room is made there. */
  | 'noRoom'
  /** JetStream is switched off for the server or the account; passes when it is switched on. */
  | 'noJetStream'
  /** The stream, consumer or message does not exist; the operator creates streams again. */
  | 'missing'
  /** A write expected another state: another client wrote first. */
  | 'moved'
  /** The subject holds a message already. */
  | 'taken'
  /** The stream is at a limit of its own. */
  | 'full'
  /** What was asked is wrong; asking again brings the same answer. */
  | 'refused';

/** The fields of an error in an answer of JetStream. */
export interface JetStreamAnswer {
  /** `err_code`: 10002 and above. */
  readonly code: number;
  /** As of HTTP: 400, 404, 503 and so on. */
  readonly status: number;
  readonly description: string;
}

/** One code for every error of a stream's store. */
const storeFailed = 10077;

const faults: Readonly<Record<Exclude<JetStreamFault, 'taken' | 'full' | 'refused'>, readonly number[]>> = {
  passing: [
    10004, // incomplete results
    10005, // no suitable peers for placement
    10006, // JetStream not in clustered mode
    10007, // JetStream cluster not assigned to this server
    10008, // JetStream system temporarily unavailable
    10009, // JetStream cluster can not handle request
    10010, // JetStream clustering support required
    10012, // consumer creation failed
    10041, // RAFT
    10048, // stream assignment failed
    10049, // stream creation failed
    10050, // stream deletion failed
    10051, // stream failed
    10057, // message deletion failed
    10069, // stream update failed
    10075, // peer remap failed
    10096, // stream not valid: it is being closed
    10104, // creating the store of a consumer failed
    10110, // purge failed
    10118, // stream is offline
    10119, // consumer is offline
    10124, // stream move already in progress
    10158, // duplicate message id is in process
    10163, // expected last sequence per subject temporarily unavailable
    10167, // too many requests
    10180, // min last sequence: this replica is behind
    10194, // stream is offline, with a reason
    10195, // consumer is offline, with a reason
    10202, // cluster member change is in progress
    10210, // atomic publish too many inflight
    10211, // batch publish too many inflight
    10226, // stream reconfiguration already in progress
  ],
  noRoom: [
    10002, // resource limits exceeded for account
    10023, // insufficient resources
    10026, // maximum consumers limit reached
    10027, // maximum number of streams reached
    10028, // insufficient memory resources available
    10047, // insufficient storage resources available
    10053, // stream limits exceeded
    10072, // unable to open temp storage
    10120, // no JetStream default or applicable tiered limit present
  ],
  noJetStream: [
    10035, // account not found
    10039, // JetStream not enabled for account
    10076, // JetStream not enabled
  ],
  missing: [
    10014, // consumer not found
    10037, // no message found
    10043, // sequence not found
    10059, // stream not found
    10149, // consumer does not exist
  ],
  moved: [
    10071, // wrong last sequence: N
    10164, // wrong last sequence
  ],
};

/** Faults of the request although their status says that the server failed or is not ready. */
const refusedWithServerStatus: readonly number[] = [
  10036, // not currently supported in clustered mode
  10052, // invalid stream configuration
  10063, // expected stream sequence does not match
  10074, // replicas > 1 not supported in non-clustered mode
  10111, // roll-up not permitted
  10117, // subject details would exceed maximum allowed
  10185, // JetStream minimum api level required
];

const byCode: ReadonlyMap<number, JetStreamFault> = new Map([
  ...Object.entries(faults).flatMap(([fault, codes]) => codes.map((code) => [code, fault as JetStreamFault] as const)),
  ...refusedWithServerStatus.map((code) => [code, 'refused'] as const),
]);

/** Whose limit is used up, of a `noRoom` answer. */
export type JetStreamLimit =
  /** Bytes that the streams of the account reserve or hold. */
  | 'account'
  /** Streams or consumers of the account. */
  | 'accountCount'
  /** What the server's store may hold: its own setting, or the space on its disk. */
  | 'server'
  /** The server has one code for both. */
  | 'either';

const limits: ReadonlyMap<number, JetStreamLimit> = new Map([
  [10002, 'account'], // resource limits exceeded for account
  [10026, 'accountCount'], // maximum consumers limit reached
  [10027, 'accountCount'], // maximum number of streams reached
  [10120, 'account'], // no JetStream default or applicable tiered limit present
  [10023, 'server'], // insufficient resources
  [10072, 'server'], // unable to open temp storage
]);

/** Whose limit the answer is about; of use only for `noRoom`. */
export function jetStreamLimit({ code }: Pick<JetStreamAnswer, 'code'>): JetStreamLimit {
  return limits.get(code) ?? 'either';
}

/** What an error of JetStream means, by its code, or by its status when the table does not have the code. */
export function jetStreamFault({ code, status, description }: JetStreamAnswer): JetStreamFault {
  if (code === storeFailed) return storeFault(description);
  return byCode.get(code) ?? faultOfStatus(status);
}

function storeFault(description: string): JetStreamFault {
  if (description.includes('maximum messages per subject exceeded')) return 'taken';
  if (description.includes('maximum messages exceeded') || description.includes('maximum bytes exceeded'))
    return 'full';
  if (description.includes('message too large')) return 'refused';
  return 'passing';
}

function faultOfStatus(status: number): JetStreamFault {
  if (status === 404) return 'missing';
  const passes = status >= 500 || status === 408 || status === 409 || status === 412 || status === 429;
  return passes ? 'passing' : 'refused';
}
