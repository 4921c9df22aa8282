/** A file of parameters: its allowed content, and the messages for errors. */
import { describe, expect, test } from '@jest/globals';

import { generateTrace } from '../../../src/simulate/generate.js';
import { readParameters } from '../../../src/simulate/parameters.js';

describe('parameters', () => {
  test('are all optional', () => {
    expect(readParameters('x', '')).toEqual(readParameters('x', '{}'));
    expect(readParameters('x', '{}')).toMatchObject({ hours: 24, cluster: { nodes: 1_000, slotsPerNode: 8 } });
  });

  test('may be YAML', () => {
    expect(readParameters('x', 'jobs:\n  count: 3\n').jobs.count).toBe(3);
  });

  test.each([
    ['{"jobs": {\n  "count": -3\n}}', 'day.json:2:12: found jobs.count as -3, expected at least 0'],
    [
      '{"jobs":\n{"hours": 4}}',
      'day.json:2:11: found an unknown field jobs.hours, expected count, fromHour, untilHour, teachersNeeded, ' +
        'mostOverNeeded, medianSeconds, sigma, batchSize, minReplicas or bufferTargetSeconds',
    ],
    [
      '{"jobs": {"fromHour": 9, "untilHour": 3}}',
      'day.json:1:39: found jobs.untilHour as 3, expected at least fromHour',
    ],
    ['{"cluster": {"slotsPerNode": 4}}', 'expected sizes of at most cluster.slotsPerNode'],
    ['{"hours": ', 'day.json:1:11: found text that cannot be read'],
    ['[]', 'day.json:1:1: found the file as [], expected fields'],
    ['{"teachers": {"samplesPerSecond": 0}}', 'found teachers.samplesPerSecond as 0, expected more than 0'],
    ['{"cluster": {"slotsPerNode": 65}}', 'found cluster.slotsPerNode as 65, expected at most 64'],
    ['{"cluster": {"nodes": 1.5}}', 'found cluster.nodes as 1.5, expected a whole number'],
    ['{"jobs": {"teachersNeeded": 4}}', 'found jobs.teachersNeeded as 4, expected a list'],
    [
      '{"neighbors": {"sizes": [{"slots": 1, "share": 1}, {"slots": 1, "share": 1, "size": 1}]}}',
      'found an unknown field neighbors.sizes.1.size, expected slots or share',
    ],
    ['{"hours": -1, "jobs": {"count": -1}}', '(and 1 more problem)'],
  ])('%s is reported with its place', (text, message) => {
    expect(() => readParameters('day.json', text)).toThrow(message);
  });
});

describe('a generated day', () => {
  const day = readParameters('x', '{"cluster": {"nodes": 200}}');
  const trace = generateTrace(day, 7);
  const hours = (from: number, to: number): number =>
    trace.neighbors.filter((pod) => pod.arrivesAtSeconds >= from * 3_600 && pod.arrivesAtSeconds < to * 3_600).length;

  test('is equal for equal seeds, and differs for different ones', () => {
    expect(generateTrace(day, 7)).toEqual(trace);
    expect(generateTrace(day, 8).neighbors).not.toEqual(trace.neighbors);
  });

  test('keeps its neighbors when the jobs change', () => {
    const other = generateTrace(readParameters('x', '{"cluster": {"nodes": 200}, "jobs": {"count": 1}}'), 7);
    expect(other.neighbors).toEqual(trace.neighbors);
  });

  test('has the load of its parameters, within a tenth', () => {
    const held = trace.neighbors.reduce((sum, pod) => {
      const seconds = Math.min(24 * 3_600, pod.arrivesAtSeconds + pod.runsSeconds) - pod.arrivesAtSeconds;
      return sum + seconds * pod.slots;
    }, 0);
    const load = held / (200 * 8 * 24 * 3_600);
    expect(load).toBeGreaterThan(0.63);
    expect(load).toBeLessThan(0.77);
  });

  test('has its peak at the peak hour', () => {
    expect(hours(12, 16)).toBeGreaterThan(1.4 * hours(1, 5));
  });

  test('comes in order', () => {
    for (const events of [
      trace.neighbors.map(({ arrivesAtSeconds }) => arrivesAtSeconds),
      trace.jobs.map(({ submittedAtSeconds }) => submittedAtSeconds),
    ]) {
      expect(events).toEqual([...events].sort((one, other) => one - other));
    }
  });
});
