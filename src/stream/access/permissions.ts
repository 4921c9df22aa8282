/**
 * What each role may publish and subscribe to (I7). Pure; docs/adr/0005 says why each line is there.
 *
 * Invariants:
 *  permissions/P1 A worker's lists name nothing outside its own job.
 *  permissions/P2 A worker creates and deletes no stream and no consumer: a consumer's deliver subject or filter would
 *     be a way out.
 *  permissions/P3 A worker reads replies only under its own role's inbox prefix.
 *  permissions/P4 A reader changes nothing: each of its lines is a read.
 *
 * They do not bind the server itself, which sends a reply wherever the asker says: between tenants the wall is the
 * account, not these lists (docs/adr/0005).
 */
import { anyHistory, anyStateChange, firstRank, type JobNames, studentRanks, workerRoles } from '@distillery/protocol';

export const roles = ['operator', ...workerRoles] as const;
export type Role = (typeof roles)[number];

export interface Permissions {
  /** Subjects, with wildcards; everything else is refused. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Inbox prefix of the operator, which serves every job through one connection. */
export const operatorInboxPrefix = '_INBOX_operator';

/**
 * Returns the rights of one role. Those of the operator do not depend on the job, since it serves all of them.
 * @param ranks of the student processes that log in as `student`
 */
export function permissionsFor(role: Role, names: JobNames, ranks = studentRanks): Permissions {
  switch (role) {
    case 'operator':
      return permissionsForOperator;
    case 'teacher':
      return teacherPermissions(names);
    case 'student':
      return studentPermissions(names, ranks);
    case 'reader':
      return readerPermissions(names);
  }
}

/** Only the verbs it uses; NATS has no wildcard inside a token, so the streams cannot be narrowed to ours. */
export const permissionsForOperator: Permissions = {
  publish: [
    ...['CREATE', 'UPDATE', 'INFO', 'PURGE', 'DELETE'].map((verb) => `$JS.API.STREAM.${verb}.*`),
    '$JS.API.STREAM.MSG.DELETE.*',
    // Streams that lost their job are found by their metadata (docs/adr/0028).
    '$JS.API.STREAM.LIST',
    ...['CREATE', 'INFO'].map((verb) => `$JS.API.CONSUMER.${verb}.>`),
    '$JS.API.DIRECT.GET.>',
    // The history of a job (docs/adr/0060); the operator writes nothing else into a stream.
    anyHistory,
    // Says which limit is used up when a stream cannot be made (room.ts).
    '$JS.API.INFO',
  ],
  subscribe: [`${operatorInboxPrefix}.>`, anyStateChange],
};

/**
 * Of the operator's user in the system account: enough to list, read and push accounts (docs/adr/0014, 0028), and to read how full
 * the servers are.
 */
export const permissionsForSystem: Permissions = {
  publish: [
    '$SYS.REQ.CLAIMS.UPDATE',
    '$SYS.REQ.CLAIMS.LIST',
    '$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP',
    '$SYS.REQ.SERVER.PING.JSZ',
  ],
  subscribe: [`${operatorInboxPrefix}.>`],
};

function teacherPermissions(names: JobNames): Permissions {
  const { streams, bucketStreams, consumers, subjects, stateKeys } = names;
  return {
    publish: [
      ...pulling(streams.work, consumers.teachers),
      ...acknowledging(streams.work, consumers.teachers),
      subjects.allLogits,
      // After a duplicate the stored frame is read back (design §4 "Zombies").
      `$JS.API.DIRECT.GET.${streams.logits}.${subjects.allLogits}`,
      subjects.allDead,
      subjects.allTeachers,
      subjects.state(stateKeys.reference),
      `$JS.API.DIRECT.GET.${bucketStreams.state}.${subjects.state(stateKeys.reference)}`,
    ],
    subscribe: [`${names.inboxPrefix('teacher')}.>`],
  };
}

function studentPermissions(names: JobNames, ranks: readonly number[]): Permissions {
  const { streams, bucketStreams, consumers, subjects, stateKeys, objectBucket } = names;
  const { objects } = bucketStreams;
  // The first rank may read, write and clear checkpoints and results; nothing else lies in this store.
  const ownsCheckpoint = [
    `$O.${objectBucket}.>`,
    `$JS.API.DIRECT.GET.${objects}`,
    `$JS.API.DIRECT.GET.${objects}.>`,
    `$JS.API.STREAM.INFO.${objects}`,
    `$JS.API.STREAM.PURGE.${objects}`,
  ];
  return {
    publish: [
      subjects.allWork,
      ...ranks.flatMap((rank) => pulling(streams.logits, consumers.student(rank))),
      `$JS.API.DIRECT.GET.${streams.logits}.${subjects.allLogits}`,
      `$JS.API.DIRECT.GET.${streams.dead}.${subjects.allDead}`,
      ...ranks.map((rank) => subjects.state(stateKeys.student(rank))),
      `$JS.API.DIRECT.GET.${bucketStreams.state}.${subjects.allState}`,
      ...(ranks.includes(firstRank) ? ownsCheckpoint : []),
    ],
    subscribe: [`${names.inboxPrefix('student')}.>`],
  };
}

/**
 * Enough for src/stream/job/objects.ts and history.ts. The client library's own reader would also need CONSUMER.CREATE, INFO and DELETE,
 * STREAM.MSG.GET and flow control (docs/adr/0009).
 */
function readerPermissions(names: JobNames): Permissions {
  const { objects, state } = names.bucketStreams;
  return {
    publish: [
      `$JS.API.DIRECT.GET.${objects}`,
      `$JS.API.DIRECT.GET.${objects}.>`,
      // Distinguishes a deleted store from a server that does not answer.
      `$JS.API.STREAM.INFO.${objects}`,
      `$JS.API.DIRECT.GET.${state}.${names.subjects.state(names.stateKeys.history)}`,
    ],
    subscribe: [`${names.inboxPrefix('reader')}.>`],
  };
}

function pulling(stream: string, consumer: string): string[] {
  return [`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`];
}

/** Both forms: servers from 2.15 on put the domain and an account hash before the stream. */
function acknowledging(stream: string, consumer: string): string[] {
  return [`$JS.ACK.${stream}.${consumer}.>`, `$JS.ACK.*.*.${stream}.${consumer}.>`];
}
