/** What a decision does to a job's streams: create, trim, delete damaged frames. */
import { describe, expect, test } from '@jest/globals';

import type { StreamPlan } from '../../../../src/domain/index.js';
import { labeling, newJob, runningJob, type SnapshotMaker, training } from '../../../kit/snapshots.js';

const nothing: StreamPlan = {
  provision: false,
  missing: [],
  trimBelow: null,
  deleteFrames: [],
  remove: false,
};
const damaged = [
  { sequence: 47, shard: 0, step: 46, reason: 'body checksum' },
  { sequence: 49, shard: 0, step: 48, reason: 'body checksum' },
];
const needs = (firstNeededSequence: number): SnapshotMaker => runningJob().reported(training({ firstNeededSequence }));
/** A job with these readers of its logits, by the first sequence that each still needs. */
const readBy = (...needed: readonly number[]): SnapshotMaker =>
  runningJob().streams({
    readers: needed.map((firstNeededSequence, at) => ({ id: `reader-${String(at)}`, firstNeededSequence })),
  });
const gone = labeling('cpu-9');

describe('the streams of a job', () => {
  test.each<[string, SnapshotMaker, Partial<StreamPlan>]>([
    ['are created when there are none', newJob(), { provision: true }],
    ['are left alone when nothing is missing', runningJob(), {}],
    [
      'are created again where one is missing',
      runningJob().streams({ missing: ['DISTILL_u-1_WORK'] }),
      { provision: true, missing: ['DISTILL_u-1_WORK'] },
    ],
    ['are trimmed below the first sequence that a checkpoint needs', needs(45), { trimBelow: 45 }],
    ['are trimmed completely when no stored frame is needed', needs(51), { trimBelow: 51 }],
    ['are not trimmed while every frame may be needed', needs(0), {}],
    ['are trimmed below the first sequence that any of its readers needs', readBy(48, 44, 51), { trimBelow: 44 }],
    ['are not trimmed while one of its readers may need every frame', readBy(48, 0), {}],
    ['are not trimmed while no reader is known', readBy(), {}],
    ['are not trimmed again', needs(41), {}],
    ['are not trimmed at a sequence of a lost stream', needs(52), {}],
    [
      'are not trimmed when they are empty',
      needs(45).streams({ logits: { messages: 0, bytes: 0, firstSequence: 41, lastSequence: 50 } }),
      {},
    ],
    [
      'lose the frames that the student could not read',
      runningJob().reported(training({ damaged })),
      { deleteFrames: [47, 49] },
    ],
  ])('%s', (_what, snapshot, want) => {
    expect(snapshot.plan.streams).toEqual({ ...nothing, ...want });
  });

  const untidy = needs(45)
    .streams({ missing: ['DISTILL_u-1_DEAD'] })
    .teachers(gone);
  test.each<[string, SnapshotMaker]>([
    ['suspended', untidy.job((job) => job.suspended())],
    ['complete', untidy.student({ phase: 'Succeeded' })],
    ['failed', untidy.student({ phase: 'Failed' })],
    ['refused', untidy.job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline')))],
    ['whose NATS server is unreachable', untidy.streamsUnreachable('gone')],
    ['suspended, without streams', newJob().job((job) => job.suspended())],
  ])('are not touched for a job that is %s', (_what, snapshot) => {
    expect(snapshot.plan.streams).toEqual(nothing);
  });
});
