import { describe, expect, test } from '@jest/globals';

import { isSampled, parseTraceparent, traceparentOf } from '@distillery/tracing';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

describe('the header traceparent', () => {
  test('is read as it was written', () => {
    for (const sampled of [true, false]) {
      const context = { traceId, spanId, sampled };
      expect(parseTraceparent(traceparentOf(context))).toEqual(context);
    }
    expect(traceparentOf({ traceId, spanId, sampled: true })).toBe(`00-${traceId}-${spanId}-01`);
  });

  test('may have further flags, and further fields in a later version', () => {
    expect(parseTraceparent(`00-${traceId}-${spanId}-03`)).toEqual({ traceId, spanId, sampled: true });
    expect(parseTraceparent(`01-${traceId}-${spanId}-00-more`)).toEqual({ traceId, spanId, sampled: false });
  });

  test.each([
    ['nothing', undefined],
    ['an empty one', ''],
    ['another text', 'b3=1'],
    ['capital letters', `00-${traceId.toUpperCase()}-${spanId}-01`],
    ['the invalid version', `ff-${traceId}-${spanId}-01`],
    ['version 00 with more fields', `00-${traceId}-${spanId}-01-more`],
    ['no trace', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['no span', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['a text without end', `01-${traceId}-${spanId}-01-${'x'.repeat(1_000)}`],
  ])('%s ends the trace', (_, header) => {
    expect(parseTraceparent(header)).toBeNull();
  });
});

describe('sampling', () => {
  test('takes about the given fraction, the same numbers each time', () => {
    const taken = Array.from({ length: 10_000 }, (_, step) => step).filter((step) => isSampled(step, 0.05));
    expect(taken.length).toBeGreaterThan(400);
    expect(taken.length).toBeLessThan(600);
    expect(taken.every((step) => isSampled(step, 0.05))).toBe(true);
  });

  test('takes the first step at any ratio but 0, and every step at 1', () => {
    expect(isSampled(0, 0.000_001)).toBe(true);
    expect(isSampled(0, 0)).toBe(false);
    expect([1, 2, 2 ** 31, 2 ** 40].every((step) => isSampled(step, 1))).toBe(true);
  });
});
