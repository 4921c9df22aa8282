import { expect, test } from '@jest/globals';

import { isCollectorUrl, ratioOf, tracingOf } from '@distillery/tracing';

test.each(['http://collector:4318', 'https://otel.example/base/', 'http://[::1]:4318', 'http://10.0.0.7:4318'])(
  'a collector is at %s',
  (url) => {
    expect(isCollectorUrl(url)).toBe(true);
  },
);

test.each([
  '',
  'collector:4318',
  'grpc://collector:4317',
  'http://user:pw@collector',
  'http://c/?token=1',
  'http://c/#x',
])('no collector is at %j', (url) => {
  expect(isCollectorUrl(url)).toBe(false);
});

test('a ratio is a number from 0 to 1', () => {
  expect(['0', '1', '0.01', '.5', '1.0', '0.010000'].map(ratioOf)).toEqual([0, 1, 0.01, 0.5, 1, 0.01]);
  expect(['', '-1', '1.1', '1e-3', 'NaN', '50%', '0x1', ' 1'].map(ratioOf)).toEqual(Array(8).fill(null));
});

test('without a collector tracing is off, whatever the ratio', () => {
  expect(tracingOf({ OTEL_TRACES_SAMPLER_ARG: '1' })).toBeNull();
  expect(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeNull();
  expect(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' })).toEqual({ endpoint: 'http://c', ratio: 0.01 });
});
