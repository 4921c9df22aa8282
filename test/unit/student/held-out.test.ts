/** Agreement on held-out samples: which of them the teachers answer, what becomes of lost answers, and what is measured. */
import { resultReportSchema } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { checkSameData } from '../../../workers/student/same-data.js';
import { HeldOut, heldOutItems } from '../../../workers/student/held-out.js';
import { StudentHome } from '../../kit/student-home.js';
import {
  type Answer,
  answersFor,
  FakeClock,
  fakeColumns,
  fakeDigest,
  FakeLog,
  FakeStreams,
  manifestWith,
} from '../../kit/worker-fakes.js';

const shape = {
  manifest: manifestWith({ teacherSamples: 6, batchSize: 4 }),
  samples: 9,
  steps: 20,
  columns: 3,
  positions: 1,
};

describe('the items', () => {
  test('ask for evenly spread samples in steps after the last one', () => {
    expect(heldOutItems(shape)).toEqual([
      { requires: ['held-out'], step: 20, shard: 0, firstRow: 0, split: 'test', indices: [0, 1, 3, 4], augmentSeed: 0 },
      { requires: ['held-out'], step: 21, shard: 0, firstRow: 0, split: 'test', indices: [6, 7], augmentSeed: 0 },
    ]);
  });

  test.each([
    ['the split', { samples: 3 }, 3],
    ['what the job says', {}, 6],
    ['an eighth of the stream', { manifest: manifestWith({ teacherSamples: 6, maxBytes: 8 * 4 * 3 * 2 }) }, 2],
    ['16 MiB of answers', { columns: 2 ** 20 }, 4],
  ])('are bounded by %s', (_what, changes, want) => {
    expect(heldOutItems({ ...shape, ...changes }).flatMap(({ indices }) => indices)).toHaveLength(want);
  });

  test('are none without a held-out split, or for a job that asks for none', () => {
    expect(heldOutItems({ ...shape, samples: 0 })).toEqual([]);
    expect(heldOutItems({ ...shape, manifest: manifestWith() })).toEqual([]);
  });
});

function world(answer: (step: number) => Answer | null) {
  const [clock, log, over] = [new FakeClock(), new FakeLog(), new AbortController()];
  const streams = new FakeStreams(clock, ({ step }) => answer(step));
  const items = heldOutItems(shape);
  const heldOut = new HeldOut({
    items,
    columns: fakeColumns,
    positions: 1,
    feed: (item) => streams.feed(item),
    probe: (shard, step) => streams.probe(shard, step),
    teacherDigest: () => fakeDigest,
    clock,
    log,
    over: over.signal,
  });
  return { clock, log, over, streams, items, heldOut };
}

describe('the answers', () => {
  test('are found although none is delivered, and although an item is lost', async () => {
    let losses = 1;
    const { clock, items, heldOut } = world(() => ({ afterMs: 10, fault: losses-- > 0 ? 'lostItem' : 'undelivered' }));
    void heldOut.gather();
    const want = items.map(({ indices }) => ({ indices, logits: answersFor(indices) }));
    expect(await clock.run(heldOut.answers())).toEqual(want);
  });

  test.each([
    ['a dead letter', 'deadLetter', /^4 held-out samples are left out .+: no teacher could compute them: found NaN$/],
    ['a damaged frame', 'damaged', /^4 held-out samples are left out .+CRC/],
  ] as const)('leave out samples with %s', async (_what, fault, want) => {
    const { clock, log, heldOut } = world((step) => ({ afterMs: 10, fault: step === 20 ? fault : 'undelivered' }));
    void heldOut.gather();
    expect(await clock.run(heldOut.answers())).toMatchObject([{ indices: [6, 7] }]);
    expect(log.warnings).toEqual([expect.stringMatching(want)]);
  });

  test('end with the supply', async () => {
    const { clock, over, heldOut } = world(() => null);
    const gathered = heldOut.gather();
    await clock.pass(5_000);
    over.abort();
    expect(await clock.run(heldOut.answers())).toBe('stopped');
    await clock.run(gathered);
  });
});

describe('a student', () => {
  test('reports its agreement on held-out samples under names of its own, with every evaluation', async () => {
    const home = new StudentHome({ manifest: manifestWith({ teacherSamples: 5 }), test: 7 });
    await home.finish(await home.attempt());
    const report = resultReportSchema.parse(home.results.json('metrics.json'));
    expect(report.metrics).toMatchObject({
      accuracy: expect.any(Number),
      agreement: expect.any(Number),
      heldOutAgreement: expect.any(Number),
      heldOutKlDivergence: expect.any(Number),
    });
    for (const { metrics } of report.evaluations) expect(metrics).toHaveProperty('heldOutAgreement');
    expect(home.state.reports.at(-1)?.result?.metrics).toEqual(report.metrics);
  });

  test('without labels has them, too', async () => {
    const home = new StudentHome({ manifest: manifestWith({ teacherSamples: 5 }), test: 7, labeled: false });
    await home.finish(await home.attempt());
    const report = resultReportSchema.parse(home.results.json('metrics.json'));
    expect(report).toMatchObject({ accuracy: null, loss: null });
    expect(report.evaluations.map(({ step }) => step)).toEqual([6, 12]);
    expect(report.metrics).toHaveProperty('heldOutAgreement');
  });

  test('waits for no teacher where everything is evaluated without one', async () => {
    const home = new StudentHome({ manifest: manifestWith({ teacherSamples: 5, softWeight: 0 }), test: 7 });
    await home.finish(await home.attempt());
    expect(resultReportSchema.parse(home.results.json('metrics.json')).metrics).toEqual({
      accuracy: expect.any(Number),
    });
  });
});

describe('the data set of student and teachers', () => {
  const [one, other] = ['1'.repeat(32), '2'.repeat(32)];

  test('may be the same, or unknown on either side', async () => {
    await checkSameData({ dataIdentity: one }, () => Promise.resolve(one));
    await checkSameData({}, () => Promise.resolve(one));
    await checkSameData(null, () => Promise.resolve(one));
    await checkSameData({ dataIdentity: one }, () => Promise.resolve(null));
  });

  test('that differs ends the job', async () => {
    await expect(checkSameData({ dataIdentity: one }, () => Promise.resolve(other))).rejects.toMatchObject({
      reason: 'terminal',
      message: expect.stringMatching(
        /^the student's data set: found 2{32}, expected 1{32} as the job's teachers have\. Give student and teachers the same files/,
      ),
    });
  });
});
