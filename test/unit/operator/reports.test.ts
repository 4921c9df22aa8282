/** What the sweep for streams without a job writes into log and metrics. */
import { expect, test } from '@jest/globals';

import type { SweepReport } from '../../../src/controller/index.js';
import { sweepReporter } from '../../../src/sweep-reporter.js';
import { createMetrics } from '../../../src/telemetry/index.js';

const owner = { operator: 'lease', namespace: 'team-a', name: 'mnist', uid: 'u-1' };
const streams = ['DISTILL_u-1_WORK', 'OBJ_DISTILL_u-1_CKPT'];
const orphan = { account: 'team-a', owner, streams };

async function told(...reports: readonly SweepReport[]): Promise<{ lines: unknown[]; figures: string[] }> {
  const metrics = createMetrics({ processMetrics: false });
  const lines: unknown[] = [];
  const line = (fields: object, text: string): void => void lines.push([text, fields]);
  const report = sweepReporter(metrics, { info: line, warn: line });
  for (const each of reports) report(each);
  const text = await metrics.registry.metrics();
  return { lines, figures: text.split('\n').filter((figure) => figure.startsWith('distillery_orphan')) };
}

test('it names what was removed, and counts it', async () => {
  const { lines, figures } = await told(
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

test('it says what it could not do, and what it did not do although it was planned', async () => {
  const { lines } = await told(
    { kind: 'spared', orphan },
    { kind: 'failed', doing: 'list streams', error: new Error('no answer') },
  );
  expect(lines).toEqual([
    ['streams kept: the API server knows the job, the watch does not', { job: 'team-a/mnist', uid: 'u-1' }],
    ['sweep for streams without a job failed', { doing: 'list streams', error: 'Error: no answer' }],
  ]);
});
