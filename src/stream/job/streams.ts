/**
 * The streams, buckets and consumers of one job, as the server wants them configured (design §4). Pure.
 *
 * Invariants:
 *  streams/C1 At most one message per subject is stored in WORK and LOGITS, and a second one is refused: no item is
 *     queued twice, no step is answered twice (I3).
 *  streams/C2 Every stream has a byte limit and refuses what is beyond it (I4).
 *  streams/C3 What a worker publishes can never erase another's message: roll-up is off wherever two roles write.
 */
import { ackWaitMs, allObjectEntries, allObjectPieces, type JobNames, studentRanks } from '@distillery/protocol';
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  ReplayPolicy,
  RetentionPolicy,
  type StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';

import type { StreamOwner } from '../../domain/index.js';

import { metadataOf } from './marks.js';

export interface JobStreamOptions {
  readonly names: JobNames;
  /** Ranks of the job's student processes. Default: `studentRanks`. */
  readonly ranks?: readonly number[];
  /** Upper bound of LOGITS in bytes. */
  readonly maxBytes: number;
  readonly storage: 'File' | 'Memory';
  readonly replicas: number;
  /** Work messages that may wait at most: the largest window in steps × shards. */
  readonly windowBound: number;
  /** Upper bound of the object store in bytes. */
  readonly objectBytes?: number;
  /** Whose streams they are, for the sweep of an operator; absent = they carry no mark. */
  readonly owner?: StreamOwner;
}

export type StreamSpec = Partial<StreamConfig> & { readonly name: string };
export type ConsumerSpec = Partial<ConsumerConfig> & { readonly durable_name: string };

export interface JobStreams {
  readonly names: JobNames;
  readonly streams: readonly StreamSpec[];
  readonly consumers: readonly { readonly stream: string; readonly config: ConsumerSpec }[];
}

const MiB = 1024 * 1024;
const workBytes = 64 * MiB;
const deadBytes = 16 * MiB;
/**
 * Three keys: the student writes the first, teachers the second, the operator the history, whose values stay below
 * 512 KiB (permissions.ts). A value that replaces another needs room beside it.
 */
const stateBytes = 2 * MiB;
/**
 * Telemetry of teachers: more keys and bytes than the largest fleet of a job needs, and few enough that a worker that
 * writes all of them costs the server 16 MiB and the operator nothing, since it reads only the keys of pods that exist.
 */
const maxTeachers = 8_192;
const largestTeacherValue = 2 * 1024;
const teacherBytes = maxTeachers * largestTeacherValue;
/** A teacher pushes twice a second; a value of this age belongs to a teacher that is gone. */
const teacherValueSeconds = 60;
/** A dead item holds at most 2,000 characters of error and a work item of a few hundred indices. */
const largestDeadItem = 64 * 1024;
const defaultObjectBytes = 1024 * MiB;
/** A reference answer of 64 rows is the largest value. */
const largestStateValue = MiB / 2;
const deadSeconds = 7 * 24 * 3600;
/** Items in work at once over all teachers of a job; far above any fleet, below what costs the server memory. */
const maxItemsInWork = 10_000;

const nanosecondsPerSecond = 1_000_000_000;

/** Names of all streams of a job. */
export function streamNamesOf(names: JobNames): string[] {
  const { work, logits, dead } = names.streams;
  return [work, logits, dead, ...Object.values(names.bucketStreams)];
}

/**
 * Announces a stored value on another subject, after storing, so that a watcher can read the value at once; needs no
 * consumer. Without the data, which the watcher reads when it needs it: a flood by one worker costs the operator little.
 */
function announced(src: string, dest: string): NonNullable<StreamConfig['republish']> {
  return { src, dest, headers_only: true };
}

export function jobStreams(options: JobStreamOptions): JobStreams {
  const { names, ranks = studentRanks, maxBytes, windowBound, objectBytes = defaultObjectBytes, owner } = options;
  const storage: StorageType = options.storage === 'File' ? 'file' : 'memory';
  const mark = owner === undefined ? {} : { metadata: metadataOf(owner) };
  const common = { num_replicas: options.replicas, allow_direct: true, ...mark };
  const onePerSubject = { max_msgs_per_subject: 1, discard: DiscardPolicy.New, discard_new_per_subject: true };
  return {
    names,
    streams: [
      {
        ...common,
        ...onePerSubject,
        name: names.streams.work,
        subjects: [names.subjects.allWork],
        retention: RetentionPolicy.Workqueue,
        storage,
        max_msgs: windowBound,
        max_bytes: workBytes,
      },
      {
        ...common,
        ...onePerSubject,
        name: names.streams.logits,
        subjects: [names.subjects.allLogits],
        retention: RetentionPolicy.Limits,
        storage,
        max_bytes: maxBytes,
      },
      {
        ...common,
        name: names.streams.dead,
        subjects: [names.subjects.allDead],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.Old,
        storage: 'file',
        max_msgs_per_subject: 1,
        max_msg_size: largestDeadItem,
        max_bytes: deadBytes,
        max_age: deadSeconds * nanosecondsPerSecond,
      },
      {
        ...common,
        name: names.bucketStreams.state,
        subjects: [names.subjects.allState],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.New,
        storage: 'file',
        max_msgs_per_subject: 1,
        max_msg_size: largestStateValue,
        max_bytes: stateBytes,
        // Unlike other buckets: with roll-up a teacher could wipe the student's fencing number (streams/C3).
        allow_rollup_hdrs: false,
        republish: announced(names.subjects.allState, names.subjects.stateChanges),
      },
      {
        ...common,
        name: names.bucketStreams.teachers,
        subjects: [names.subjects.allTeachers],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.New,
        storage: 'file',
        max_msgs: maxTeachers,
        max_msgs_per_subject: 1,
        max_msg_size: largestTeacherValue,
        max_bytes: teacherBytes,
        max_age: teacherValueSeconds * nanosecondsPerSecond,
        allow_rollup_hdrs: false,
        republish: announced(`$KV.${names.teacherBucket}.>`, names.subjects.teacherChanges),
      },
      {
        ...common,
        name: names.bucketStreams.objects,
        subjects: [allObjectPieces(names.objectBucket), allObjectEntries(names.objectBucket)],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.New,
        storage: 'file',
        max_bytes: objectBytes,
        allow_rollup_hdrs: true,
      },
    ],
    consumers: consumersOf(names, ranks),
  };
}

function consumersOf(names: JobNames, ranks: readonly number[]): JobStreams['consumers'] {
  return [
    {
      stream: names.streams.work,
      config: {
        durable_name: names.consumers.teachers,
        ack_policy: AckPolicy.Explicit,
        ack_wait: (ackWaitMs / 1_000) * nanosecondsPerSecond,
        // Teachers write dead letters themselves (design §4 "Poison"): no item gets stuck at a limit of the server.
        max_deliver: -1,
        max_ack_pending: maxItemsInWork,
        deliver_policy: DeliverPolicy.All,
        replay_policy: ReplayPolicy.Instant,
      },
    },
    ...ranks.map((rank) => ({
      stream: names.streams.logits,
      config: {
        durable_name: names.consumers.student(rank),
        // The training position is in the checkpoint, never in the broker.
        ack_policy: AckPolicy.None,
        deliver_policy: DeliverPolicy.All,
        replay_policy: ReplayPolicy.Instant,
      },
    })),
  ];
}
