/**
 * The streams, buckets and consumers of one job, as the server wants them configured (DESIGN §4). Pure.
 *
 * Invariants:
 *  C1 At most one message per subject is stored in WORK and LOGITS, and a second one is refused: no item is queued
 *     twice, no step is answered twice (I3).
 *  C2 Every stream has a byte limit and refuses what is beyond it (I4).
 *  C3 What a worker publishes can never erase another's message: roll-up is off wherever two roles write.
 */
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

import { ackWaitMs, type JobNames } from '../protocol/index.js';

export interface JobStreamOptions {
  readonly names: JobNames;
  /** Upper bound of LOGITS in bytes. */
  readonly maxBytes: number;
  readonly storage: 'File' | 'Memory';
  readonly replicas: number;
  /** Work messages that may wait at most: the largest window in steps × shards. */
  readonly windowBound: number;
  /** Upper bound of the object store in bytes. */
  readonly objectBytes?: number;
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
const stateBytes = 16 * MiB;
const defaultObjectBytes = 1024 * MiB;
/** A reference answer of 64 rows is the largest value. */
const largestStateValue = MiB / 2;
const deadSeconds = 7 * 24 * 3600;
/** Items in work at once over all teachers of a job; far above any fleet, below what costs the server memory. */
const maxItemsInWork = 10_000;

const nanosecondsPerSecond = 1_000_000_000;

/** Key-value buckets and object stores are streams by naming conventions of all NATS clients. */
export function stateStreamOf(names: JobNames): string {
  return `KV_${names.stateBucket}`;
}
export function objectStreamOf(names: JobNames): string {
  return `OBJ_${names.objectBucket}`;
}

/** Subjects on which the server repeats every accepted STATE value: what `watch` listens to. */
export function stateChangesOf(names: JobNames): string {
  return `distill.${names.uid}.state.>`;
}
/** Those of all jobs. */
export const anyStateChange = 'distill.*.state.>';

export function jobStreams(options: JobStreamOptions): JobStreams {
  const { names, maxBytes, windowBound, objectBytes = defaultObjectBytes } = options;
  const storage: StorageType = options.storage === 'File' ? 'file' : 'memory';
  const common = { num_replicas: options.replicas, allow_direct: true };
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
        max_bytes: deadBytes,
        max_age: deadSeconds * nanosecondsPerSecond,
      },
      {
        ...common,
        name: stateStreamOf(names),
        subjects: [`$KV.${names.stateBucket}.>`],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.New,
        storage: 'file',
        max_msgs_per_subject: 1,
        max_msg_size: largestStateValue,
        max_bytes: stateBytes,
        // Unlike other buckets: with roll-up a teacher could wipe the student's fencing number (C3).
        allow_rollup_hdrs: false,
        // After storing, so that who is told of a change also reads it; needs no consumer.
        republish: { src: `$KV.${names.stateBucket}.>`, dest: stateChangesOf(names) },
      },
      {
        ...common,
        name: objectStreamOf(names),
        subjects: [`$O.${names.objectBucket}.C.>`, `$O.${names.objectBucket}.M.>`],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.New,
        storage: 'file',
        max_bytes: objectBytes,
        allow_rollup_hdrs: true,
      },
    ],
    consumers: [
      {
        stream: names.streams.work,
        config: {
          durable_name: names.consumers.teachers,
          ack_policy: AckPolicy.Explicit,
          ack_wait: (ackWaitMs / 1_000) * nanosecondsPerSecond,
          // The teachers bury an item themselves (DESIGN §4 "Poison"): none is ever stuck at a limit of the server.
          max_deliver: -1,
          max_ack_pending: maxItemsInWork,
          deliver_policy: DeliverPolicy.All,
          replay_policy: ReplayPolicy.Instant,
        },
      },
      {
        stream: names.streams.logits,
        config: {
          durable_name: names.consumers.student,
          // The broker's account of what was read is never the truth: the checkpoint is.
          ack_policy: AckPolicy.None,
          deliver_policy: DeliverPolicy.All,
          replay_policy: ReplayPolicy.Instant,
        },
      },
    ],
  };
}
