/** Histories and inputs of reports for tests. */
import { bounded, type History, type HistoryLine } from '../../src/history/index.js';
import type { ReportInput } from '../../src/report/index.js';
import { noonMs, plainJob } from './snapshots.js';

export function sampleLine(t: number, step: number, changes: object = {}): HistoryLine {
  return {
    kind: 'sample',
    t,
    step,
    epoch: 0,
    loss: 1 / (step + 1),
    metrics: { agreement: 0.5, accuracy: 0.25 },
    samplesPerSecond: 100,
    unstarvedSamplesPerSecond: 120,
    waitFraction: 0.1,
    bufferFrames: 4,
    bufferBytes: 4_096,
    teacherSamplesPerSecond: 110,
    ...changes,
  };
}

export function startLine(t: number): HistoryLine {
  const machine = { platform: 'linux', arch: 'x64', processor: 'AMD EPYC', cores: 2, memoryBytes: 8 * 2 ** 30 };
  return { kind: 'start', t, distillery: '0.1.0', node: '24.0.0', ...machine, nats: '2.14.5', slots: 2 };
}

export function phaseLine(t: number, phase: string): HistoryLine {
  return { kind: 'phase', t, phase };
}

export function teachersLine(t: number, pool: string, ready: number, changes: object = {}): HistoryLine {
  return { kind: 'teachers', t, pool, desired: 2, ready, reason: 'FillWindow', why: '2 of 2', ...changes };
}

export function eventLineAt(
  t: number,
  step: number,
  reason: string,
  message: string,
  severity = 'Normal',
): HistoryLine {
  return { kind: 'event', t, step, severity: severity as 'Normal', reason, message };
}

export function historyOf(lines: readonly HistoryLine[], intervalMs = 1_000): History {
  return {
    head: {
      kind: 'head',
      distillery: 'history',
      format: 1,
      job: { name: 'mnist', uid: 'u-1' },
      intervalMs,
      eventsLeftOut: 0,
    },
    lines,
    damaged: 0,
  };
}

/** A run of some minutes: stopped and resumed, with two teachers, one of which was lost. */
export function plainHistory(): History {
  const at = (second: number): number => noonMs + second * 1_000;
  const lines = [
    startLine(at(0)),
    { kind: 'runtime', t: at(1), role: 'student', runtime: 'tfjs 4.22.0 (wasm)' } as const,
    eventLineAt(at(1), 0, 'Accepted', 'The job is valid; its streams are being created.'),
    teachersLine(at(1), 'cpu', 0),
    teachersLine(at(5), 'cpu', 2),
    ...Array.from({ length: 60 }, (_, index) => sampleLine(at(6 + index), index * 2)),
    eventLineAt(at(40), 68, 'TeacherLost', 'Pool cpu lost 1 teacher; others label what they held.'),
    teachersLine(at(41), 'cpu', 1, { reason: 'MatchStudent', why: '1 of 2: 1 free slot' }),
    { kind: 'end', t: at(66), outcome: 'stopped' } as const,
    startLine(at(4_000)),
    sampleLine(at(4_010), 130),
    { kind: 'scores', t: at(4_020), teacher: { accuracy: 0.99, metrics: { accuracy: 0.99 } } } as const,
    { kind: 'end', t: at(4_020), outcome: 'complete' } as const,
  ];
  return bounded(historyOf([...lines].sort((a, b) => a.t - b.t)));
}

export function reportInput(changes: Partial<ReportInput> = {}): ReportInput {
  return {
    source: 'run folder /work/runs/mnist',
    job: plainJob(),
    isRunning: false,
    status: {
      phase: 'Succeeded',
      progress: { step: 200, steps: 200, percent: 100, epoch: 1, samplesPerSecond: 0 },
      disruptions: { teacher: 1, student: 0 },
      usage: { teacherSlotSeconds: 120, studentSlotSeconds: 70 },
      notes: ['student: 2 rows were replaced'],
      result: {
        digest: 'ab'.repeat(32),
        accuracy: 0.98,
        loss: 0.25,
        metrics: [
          { name: 'agreement', value: 0.975 },
          { name: 'heldOutAgreement', value: 0.97 },
        ],
      },
    },
    history: plainHistory(),
    result: null,
    baseline: null,
    teacher: { accuracy: 0.99, metrics: { accuracy: 0.99 } },
    events: [],
    missing: [],
    madeAtMs: noonMs,
    version: '0.1.0',
    ...changes,
  };
}

/** What a student stored, with `points` points in each of its curves. */
export function resultReport(points: number, step = 10): NonNullable<ReportInput['result']> {
  const metrics = { agreement: 0.9, klDivergence: 0.1, madeUp: 3 };
  return {
    job: { uid: 'u-1', namespace: 'default', name: 'mnist' },
    digest: 'ab'.repeat(32),
    accuracy: 0.98,
    loss: 0.2,
    metrics,
    steps: points * step,
    parameters: 12_345,
    runtime: 'tfjs 4.22.0 (wasm)',
    evaluations: Array.from({ length: points }, (_, index) => ({
      step: (index + 1) * step,
      accuracy: 0.5 + index / (2 * points),
      loss: 1 / (index + 1),
      metrics: { heldOutAgreement: 0.5 + index / (2 * points) },
    })),
    losses: Array.from({ length: points }, (_, index) => ({
      step: (index + 1) * step,
      loss: 2 / (index + 1),
      metrics,
    })),
    openStretch: { sum: 0, count: 0 },
    skippedSteps: [],
    skipped: 0,
    computedBy: [{ step: 0, runtime: 'tfjs 4.22.0 (wasm)' }],
  };
}
