/** What the parts of the operator write into log and metrics. */
import { describe, expect, test } from '@jest/globals';

import type { EngineReport, SweepReport } from '../../../src/controller/index.js';
import { decide, type FleetSnapshot } from '../../../src/domain/index.js';
import { engineReporter, sweepReporter } from '../../../src/operator/reports.js';
import { createMetrics, JobMeasures, type OutputLog } from '../../../src/telemetry/index.js';
import { newJob } from '../../kit/snapshots.js';

const owner = { operator: 'lease', namespace: 'team-a', name: 'mnist', uid: 'u-1' };
const streams = ['DISTILL_u-1_WORK', 'OBJ_DISTILL_u-1_CKPT'];
const orphan = { account: 'team-a', owner, streams };

async function sweepReported(...reports: readonly SweepReport[]): Promise<{ lines: unknown[]; figures: string[] }> {
  const metrics = createMetrics({ processMetrics: false });
  const lines: unknown[] = [];
  const line = (fields: object, text: string): void => void lines.push([text, fields]);
  const report = sweepReporter(metrics, { info: line, warn: line });
  for (const each of reports) report(each);
  const text = await metrics.registry.metrics();
  return { lines, figures: text.split('\n').filter((figure) => figure.startsWith('distillery_orphan')) };
}

test('a sweep names what it removed, and counts it', async () => {
  const { lines, figures } = await sweepReported(
    { kind: 'removed', orphan, streams },
    { kind: 'left', left: { waiting: 3, kept: 2, foreign: 1 } },
    { kind: 'closed', namespace: 'team-a' },
  );
  expect(lines).toEqual([
    ['streams of a job that is gone removed', { job: 'team-a/mnist', uid: 'u-1', account: 'team-a', streams }],
    ['NATS account of a namespace without jobs and streams closed', { namespace: 'team-a' }],
  ]);
  expect(figures).toEqual([
    'distillery_orphan_streams{state="waiting"} 3',
    'distillery_orphan_streams{state="kept"} 2',
    'distillery_orphan_streams{state="foreign"} 1',
    'distillery_orphan_streams_removed_total 2',
  ]);
});

test('a sweep says what it could not do, and what it left undone although it was planned', async () => {
  const { lines } = await sweepReported(
    { kind: 'spared', orphan },
    { kind: 'failed', doing: 'list streams', error: new Error('no answer') },
  );
  expect(lines).toEqual([
    ['streams kept: the API server knows the job, the watch does not', { job: 'team-a/mnist', uid: 'u-1' }],
    ['sweep for streams without a job failed', { doing: 'list streams', error: 'Error: no answer' }],
  ]);
});

describe('the engine', () => {
  const key = { namespace: 'team-a', name: 'mnist', uid: 'u-1' };

  function reported(level: 'info' | 'trace', ...reports: readonly EngineReport[]) {
    const metrics = createMetrics({ processMetrics: false });
    const lines: unknown[] = [];
    const logWith = (fields: object): OutputLog => {
      const line = (more: object, text: string): void => void lines.push([text, { ...fields, ...more }]);
      return {
        info: line,
        warn: line,
        error: line,
        debug: line,
        trace: line,
        isLevelEnabled: () => level === 'trace',
        child: (more) => logWith({ ...fields, ...more }),
      };
    };
    const histories = { decided: () => undefined, forget: () => undefined };
    const report = engineReporter(metrics, { measures: new JobMeasures(metrics), histories }, logWith({}));
    for (const each of reports) report(each);
    const figures = async (name: string): Promise<string[]> =>
      (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(name));
    return { lines, figures };
  }

  const { snapshot } = newJob();
  const decided = { kind: 'decided', key, id: 7, snapshot, plan: decide(snapshot) } as const;

  test('has its decisions logged with what they change, and those without a change not', () => {
    const { plan } = decided;
    const quiet = { ...decided, plan: { ...plan, events: [], object: 'Keep' } } as const;
    const { lines } = reported('info', decided, quiet);
    expect(lines).toEqual([
      [
        plan.events.map(({ message }) => message).join(' '),
        expect.objectContaining({ job: 'team-a/mnist', reconcileId: 7, phase: 'Pending', pools: plan.pools }),
      ],
    ]);
    expect(lines[0]).not.toEqual([expect.anything(), expect.objectContaining({ snapshot })]);
    expect(reported('trace', decided).lines[0]).toEqual([expect.anything(), expect.objectContaining({ snapshot })]);
  });

  test('has its reconciles counted by outcome and timed, and failures logged', async () => {
    const error = new Error('no answer');
    const { lines, figures } = reported(
      'info',
      { kind: 'done', key, id: 1, ms: 20, gone: false },
      { kind: 'failed', key, id: 2, ms: 30, error },
      { kind: 'retrying', key, error, retryMs: 400 },
    );
    expect(await figures('distillery_reconciles_total')).toEqual([
      'distillery_reconciles_total{outcome="done"} 1',
      'distillery_reconciles_total{outcome="failed"} 1',
    ]);
    expect(await figures('distillery_reconcile_duration_seconds_count')).toEqual([
      'distillery_reconcile_duration_seconds_count 2',
    ]);
    expect(lines).toEqual([
      ['reconcile failed', { job: 'team-a/mnist', reconcileId: 2, error: 'Error: no answer' }],
      ['reconcile will be retried', { job: 'team-a/mnist', retryMs: 400 }],
    ]);
  });

  test('has the metrics of a job removed when the job is gone', async () => {
    const present = reported('info', decided);
    expect(await present.figures('distillery_jobs{phase="Pending"}')).toEqual(['distillery_jobs{phase="Pending"} 1']);
    const gone = reported('info', decided, { kind: 'done', key, id: 8, ms: 1, gone: true });
    expect(await gone.figures('distillery_jobs{phase="Pending"}')).toEqual(['distillery_jobs{phase="Pending"} 0']);
  });

  test('has allocations timed, and their input logged at the level trace alone', async () => {
    const fleet = { nowMs: 1 } as unknown as FleetSnapshot;
    const allocated = { kind: 'allocated', ms: 5, snapshot: () => fleet } as const;
    const { lines, figures } = reported('info', allocated);
    expect([lines, await figures('distillery_share_duration_seconds_count')]).toEqual([
      [],
      ['distillery_share_duration_seconds_count 1'],
    ]);
    expect(reported('trace', allocated).lines).toEqual([['slots shared', { fleet }]]);
  });
});
