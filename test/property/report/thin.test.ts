/** Thinned curves and bounded histories, for every curve and every history. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  bounded,
  continued,
  fitting,
  historyLimits,
  type HistoryLine,
  historyText,
  isDue,
  linesOf,
  maxHistoryBytes,
  readHistory,
  runningTime,
} from '../../../src/history/index.js';
import { spread, thinned } from '../../../src/report/thin.js';
import { clockTicks, ticks } from '../../../src/report/ticks.js';
import { eventLineAt, historyOf, phaseLine, sampleLine, startLine, teachersLine } from '../../kit/report.js';

const curve = fc
  .array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 400 })
  .map((values) => values.map((y, x) => ({ x, y })));
const most = fc.integer({ min: 4, max: 60 });

describe('a thinned curve', () => {
  test('is small, a part of the curve in its order, and keeps both ends, the lowest and the highest value', () => {
    fc.assert(
      fc.property(curve, most, (points, limit) => {
        const kept = thinned(points, limit);
        expect(kept.length).toBeLessThanOrEqual(limit);
        const indices = kept.map((point) => points.indexOf(point));
        expect(indices).not.toContain(-1);
        expect(indices).toEqual([...new Set(indices)].sort((a, b) => a - b));
        if (points.length === 0) return;
        expect([kept[0], kept.at(-1)]).toEqual([points[0], points.at(-1)]);
        const values = (of: readonly { y: number }[]) => of.map(({ y }) => y);
        expect(Math.min(...values(kept))).toBe(Math.min(...values(points)));
        expect(Math.max(...values(kept))).toBe(Math.max(...values(points)));
      }),
    );
  });

  test('is the curve where that is short', () => {
    fc.assert(
      fc.property(curve, (points) => {
        expect(thinned(points, Math.max(4, points.length))).toBe(points);
      }),
    );
  });
});

test('a spread list keeps both ends, and no item twice', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 2, max: 60 }), (length, limit) => {
      const list = Array.from({ length }, (_, index) => index);
      const kept = spread(list, limit);
      expect(kept.length).toBeLessThanOrEqual(limit);
      expect([kept[0], kept.at(-1)]).toEqual([0, length - 1]);
      expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
    }),
  );
});

const phases = ['Running', 'Suspended', 'Pending'] as const;

/** Times of a clock that may jump. */
const times = (maxLength: number) => fc.array(fc.integer({ min: 0, max: 4e12 }), { maxLength });
const lines: fc.Arbitrary<readonly HistoryLine[]> = fc
  .tuple(times(3_000), times(3_000), times(1_200), times(100))
  .map(([samples, changes, events, starts]) =>
    [
      ...samples.map((t, step) => sampleLine(t, step)),
      ...changes.map((t, index) => teachersLine(t, `pool-${String(index % 3)}`, index)),
      ...events.map((t) => eventLineAt(t, 0, 'Noted', 'a note')),
      ...starts.map((t, index) => (index % 2 === 0 ? startLine(t) : phaseLine(t, phases[index % 3] ?? 'Running'))),
    ].sort((a, b) => a.t - b.t),
  );

describe('a bounded history', () => {
  test('is within its limits, in order, readable, and keeps the first and the last sample and the latest state of each pool', () => {
    fc.assert(
      fc.property(lines, (all) => {
        const history = bounded(historyOf(all));
        const kept = (kind: HistoryLine['kind']) => linesOf(history.lines, kind);
        expect(kept('sample').length).toBeLessThanOrEqual(historyLimits.samples);
        expect(kept('teachers').length).toBeLessThanOrEqual(historyLimits.changes);
        expect(kept('event').length).toBeLessThanOrEqual(historyLimits.events);
        expect(kept('start').length).toBeLessThanOrEqual(historyLimits.others);
        expect(kept('event').length + history.head.eventsLeftOut).toBe(linesOf(all, 'event').length);
        expect(history.lines).toEqual([...history.lines].sort((a, b) => a.t - b.t));
        const samples = linesOf(all, 'sample');
        expect([kept('sample')[0], kept('sample').at(-1)]).toEqual([samples[0], samples.at(-1)]);
        for (const pool of ['pool-0', 'pool-1', 'pool-2']) {
          const latest = (of: readonly HistoryLine[]) => linesOf(of, 'teachers').findLast((line) => line.pool === pool);
          expect(latest(history.lines)).toEqual(latest(all));
        }
        const text = historyText(history);
        expect(text.length).toBeLessThan(maxHistoryBytes);
        expect(readHistory(text, 'u-1')).toEqual(history);
      }),
      { numRuns: 30 },
    );
  });

  test('stays as it is while it is within its limits', () => {
    fc.assert(
      fc.property(times(100), (few) => {
        const history = historyOf(few.map((t, step) => sampleLine(t, step)).sort((a, b) => a.t - b.t));
        expect(bounded(history)).toEqual(history);
      }),
    );
  });

  test('takes a new sample once the interval is over', () => {
    const history = bounded(historyOf(Array.from({ length: 1_100 }, (_, step) => sampleLine(step * 1_000, step))));
    expect(history.head.intervalMs).toBe(2_000);
    expect(isDue(history.lines, history.head.intervalMs, 1_099_999)).toBe(false);
    expect(isDue(history.lines, history.head.intervalMs, 1_100_000)).toBe(true);
  });
});

describe('a history that is continued', () => {
  test('is the same when the same lines are added twice, and loses no event', () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 0, max: 4e12 }), (all, cut) => {
        const earlier = historyOf(all.filter(({ t }) => t < cut));
        const news = all.filter(({ t }) => t >= cut);
        const once = continued(earlier, news);
        expect(continued(once, news)).toEqual(once);
        const events = (of: readonly HistoryLine[]): Set<string> =>
          new Set(linesOf(of, 'event').map((line) => JSON.stringify(line)));
        expect(events(once.lines)).toEqual(events(all));
      }),
      { numRuns: 30 },
    );
  });

  test('has no more bytes than it may, and can be read', () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 8_192, max: 400_000 }), (all, mostBytes) => {
        const history = fitting(historyOf(all), { samples: 512, changes: 256, events: 128, others: 32 }, mostBytes);
        const text = historyText(history);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(mostBytes);
        expect(readHistory(text, 'u-1')).toEqual(history);
      }),
      { numRuns: 30 },
    );
  });
});

test('running time stands still while a job of a cluster rests', () => {
  const at = runningTime([
    phaseLine(0, 'Pending'),
    phaseLine(10_000, 'Running'),
    sampleLine(15_000, 1),
    phaseLine(20_000, 'Suspended'),
    teachersLine(21_000, 'cpu', 0),
    phaseLine(90_000, 'Running'),
    sampleLine(95_000, 2),
    phaseLine(99_000, 'Succeeded'),
    teachersLine(110_000, 'cpu', 0),
  ]);
  expect([0, 9_000, 10_000, 15_000, 50_000, 90_000, 95_000, 99_000, 110_000].map(at)).toEqual([
    0, 0, 0, 5, 10, 10, 15, 19, 19,
  ]);
});

test('running time never goes back, and leaves out the pauses before a start', () => {
  fc.assert(
    fc.property(lines, (all) => {
      const at = runningTime(all);
      const seconds = all.map(({ t }) => at(t));
      expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
      const [first] = all;
      expect(seconds.at(-1) ?? 0).toBeLessThanOrEqual(((all.at(-1)?.t ?? 0) - (first?.t ?? 0)) / 1_000);
    }),
    { numRuns: 30 },
  );
  const at = runningTime([startLine(0), sampleLine(10_000, 1), startLine(90_000), sampleLine(95_000, 2)]);
  expect([0, 10_000, 50_000, 90_000, 95_000].map(at)).toEqual([0, 10, 10, 10, 15]);
});

test('ticks lie within the axis, in order, and are few', () => {
  const number = fc.double({ min: -1e12, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(number, number, fc.constantFrom('any' as const, 'whole' as const), (a, b, kind) => {
      const [min, max] = [Math.min(a, b), Math.max(a, b)];
      for (const found of [ticks(min, max, 5, kind), clockTicks(Math.max(0, min), Math.max(0, max), 5)]) {
        expect(found.length).toBeLessThanOrEqual(50);
        expect(found).toEqual([...found].sort((x, y) => x - y));
      }
      const slack = Math.max(Math.abs(min), Math.abs(max)) * 1e-8 + (max - min) * 1e-6 + (kind === 'whole' ? 1e-8 : 0);
      for (const value of ticks(min, max, 5, kind)) {
        expect(value).toBeGreaterThanOrEqual(min - slack);
        expect(value).toBeLessThanOrEqual(max + slack);
      }
    }),
  );
});
