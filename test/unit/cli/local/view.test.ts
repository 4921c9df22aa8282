/** A running job as lines of text that fit the terminal. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { liveLines, plainLine, shownOf } from '../../../../src/cli/local/view.js';
import { labeling, newJob, runningJob, training } from '../../../kit/snapshots.js';
import { shown } from './shown.js';

describe('the live view', () => {
  test('shows everything on a wide terminal', () => {
    expect(liveLines('mnist', shown(), 140)).toEqual([
      'mnist  █████████████████░░░░░░░░░░░░░  57 %  step 812 of 1,407  5,120 samples/s  0:15 left',
      '  running   loss 0.213   accuracy 97.31 %   student waited 1 %   buffer 61 frames (183 KiB, window 128)',
      '  teachers 1 of 2: cpu-0 2,600/s, cpu-1 loading',
    ]);
  });

  test('cuts long lines, and marks the cut', () => {
    expect(liveLines('mnist', shown(), 60)).toEqual([
      'mnist  █████░░░  57 %  step 812 of 1,407  5,120 samples/s…',
      '  running   loss 0.213   accuracy 97.31 %   student waited…',
      '  teachers 1 of 2: cpu-0 2,600/s, cpu-1 loading',
    ]);
  });

  test('has a dash for unknown numbers', () => {
    const [first, second, third] = liveLines(
      'mnist',
      shown({
        step: 0,
        samplesPerSecond: 0,
        secondsLeft: null,
        loss: null,
        accuracy: null,
        teachers: [],
        phase: 'Starting',
      }),
      140,
    );
    expect(first).toMatch(/░{30} {2}0 % {2}step 0 of 1,407 {2}0 samples\/s {2}time left unknown$/);
    expect(second).toContain('starting   loss –   accuracy –');
    expect(third).toBe('  teachers 0 of 2');
  });

  test.each([
    {
      what: 'agreement beside accuracy',
      accuracy: 0.9731,
      metrics: { agreement: 0.981 },
      want: 'accuracy 97.31 %   agreement 98.10 %',
    },
    {
      what: 'agreement alone, where there are no labels',
      accuracy: null,
      metrics: { agreement: 0.981, klDivergence: 1 },
      want: 'agreement 98.10 %',
    },
    {
      what: 'the angle between embeddings',
      accuracy: null,
      metrics: { cosineSimilarity: 0.93, meanSquaredError: 1 },
      want: 'cosine 0.930',
    },
    {
      what: 'the F1 of several classes',
      accuracy: null,
      metrics: { microF1: 0.5, agreement: 0.981 },
      want: 'micro F1 50.00 %   agreement 98.10 %',
    },
    {
      what: 'a small error of numbers',
      accuracy: null,
      metrics: { meanAbsoluteError: 0.000_12, meanSquaredError: 2 },
      want: 'mean error 1.20e-4   squared error 2.000',
    },
  ])('shows $what', ({ want, ...changes }) => {
    expect(liveLines('mnist', shown(changes), 140)[1]).toContain(`   loss 0.213   ${want}   student waited`);
  });

  test('names four teachers and counts the others', () => {
    const teachers = Array.from({ length: 9 }, (_, index) => ({
      name: `cpu-${String(index)}`,
      phase: 'Ready',
      samplesPerSecond: 500,
    }));
    expect(liveLines('mnist', shown({ teachers, teachersDesired: 9 }), 140)[2]).toBe(
      '  teachers 9 of 9: cpu-0 500/s, cpu-1 500/s, cpu-2 500/s, cpu-3 500/s, 5 more',
    );
  });

  test('shows disruptions once there are some', () => {
    expect(liveLines('mnist', shown({ disruptions: { teacher: 3, student: 1 } }), 140)[2]).toMatch(
      / {3}disruptions: 3 teacher, 1 student$/,
    );
  });

  test.each([
    [0, '░'.repeat(30)],
    [703, '█'.repeat(15) + '░'.repeat(15)],
    [1_406, '█'.repeat(30)],
    [1_407, '█'.repeat(30)],
  ])('draws step %d of 1407 as a bar', (step, bar) => {
    expect(liveLines('mnist', shown({ step }), 140)[0]).toContain(`  ${bar}  `);
  });

  test('rounds a share down: 100 % is shown only at the end', () => {
    expect(liveLines('mnist', shown({ step: 1_406 }), 140)[0]).toContain(' 99 % ');
    expect(liveLines('mnist', shown({ step: 1_407 }), 140)[0]).toContain(' 100 % ');
  });

  test('has three lines, none wider than the terminal', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.string({ minLength: 1, maxLength: 63 }),
        fc.nat({ max: 100_000_000 }),
        fc.nat({ max: 40 }),
        fc.double({ min: 0, max: 1e12, noNaN: true }),
        (width, name, steps, teacherCount, figure) => {
          const teachers = Array.from({ length: teacherCount }, (_, index) => ({
            name: `${name}-${String(index)}`,
            phase: 'Ready',
            samplesPerSecond: figure,
          }));
          const lines = liveLines(
            name,
            shown({
              step: Math.floor(steps / 3),
              steps,
              samplesPerSecond: figure,
              secondsLeft: figure,
              loss: figure,
              teachers,
              buffer: { frames: steps, bytes: figure, window: steps },
            }),
            width,
          );
          expect(lines).toHaveLength(3);
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe('the plain line', () => {
  test('shows everything', () => {
    expect(plainLine('mnist', shown())).toBe(
      'mnist: step 812/1407 (57 %), 5,120 samples/s, loss 0.213, accuracy 97.31 %, waited 1 %, ' +
        'buffer 61 frames (183 KiB, window 128), teachers 1/2: cpu-0 2,600/s, cpu-1 loading, 0:15 left',
    );
  });

  test('accepts a job without steps', () => {
    expect(plainLine('mnist', shown({ step: 0, steps: 0 }))).toContain('step 0/0 (0 %)');
  });
});

describe('what is shown', () => {
  test('is nothing before the first report of the student', () => {
    expect(shownOf(newJob().snapshot, 0)).toBeNull();
    expect(shownOf(newJob().streams().snapshot, 2)).toBeNull();
    expect(shownOf(runningJob().streamsUnreachable('gone').snapshot, 2)).toBeNull();
  });

  test('is the student, and the teachers that are alive', () => {
    const snapshot = runningJob()
      .reported(training({ step: 150, samplesPerSecond: 500 }))
      .teachers(labeling('cpu-0'), labeling('cpu-1', { phase: 'SelfTest' }), labeling('cpu-7'))
      .pool('cpu', { pods: 'cpu-0 cpu-1', disruptions: 4 })
      .student({ disruptions: 1 }).snapshot;
    expect(shownOf(snapshot, 3)).toMatchObject({
      phase: 'Running',
      step: 150,
      steps: 200,
      secondsLeft: 10,
      teachers: [
        { name: 'cpu-0', phase: 'Ready', samplesPerSecond: 500 },
        { name: 'cpu-1', phase: 'SelfTest' },
      ],
      teachersDesired: 3,
      disruptions: { teacher: 4, student: 1 },
    });
  });

  test.each([
    ['Evaluating', 'Evaluating'],
    ['Exporting', 'Exporting'],
  ] as const)('names the phase of a student that is %s', (phase, want) => {
    expect(shownOf(runningJob().reported(training({ phase })).snapshot, 0)?.phase).toBe(want);
  });

  test('has no time left without a rate', () => {
    expect(shownOf(runningJob().reported(training({ samplesPerSecond: 0 })).snapshot, 0)?.secondsLeft).toBeNull();
  });
});
