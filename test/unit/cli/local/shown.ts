/** What the view shows of a running job. */
import type { Shown } from '../../../../src/cli/local/view.js';

export function shown(changes: Partial<Shown> = {}): Shown {
  return {
    phase: 'Running',
    step: 812,
    steps: 1_407,
    samplesPerSecond: 5_120.4,
    secondsLeft: 15.2,
    loss: 0.2134,
    accuracy: 0.9731,
    metrics: {},
    waitFraction: 0.019,
    buffer: { frames: 61, bytes: 187_392, window: 128 },
    teachers: [
      { name: 'cpu-0', phase: 'Ready', samplesPerSecond: 2_600 },
      { name: 'cpu-1', phase: 'Loading', samplesPerSecond: 0 },
    ],
    teachersDesired: 2,
    disruptions: { teacher: 0, student: 0 },
    ...changes,
  };
}
