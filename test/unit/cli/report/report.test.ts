/** `distill report`: which run or job it is about, what it says where something is missing, and what it never replaces. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { accessToSecret } from '@distillery/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';

import type { DistillJob } from '../../../../src/api/index.js';
import type { ClusterReader } from '../../../../src/cli/cluster/cluster-reader.js';
import { jobReport, type JobReportTools } from '../../../../src/cli/cluster/job-html-report.js';
import { RunFolder } from '../../../../src/cli/local/run-folder.js';
import { endingReport } from '../../../../src/cli/local/run-report.js';
import { addReportCommand } from '../../../../src/cli/report/commands.js';
import { CliError } from '../../../../src/cli/shared/cli-error.js';
import type { StoredObject } from '../../../../src/cluster/kubernetes/index.js';
import { historyText } from '../../../../src/history/index.js';
import { StreamError } from '../../../../src/stream/index.js';
import { fakeClusterReader } from '../../../kit/cluster-reader.js';
import { plainHistory, reportInput, resultReport } from '../../../kit/report.js';
import { noonMs, plainJob } from '../../../kit/snapshots.js';

let home = '';
let run = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'distill-report-'));
  run = join(home, 'run');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A complete run, with everything that a run writes for its report. */
function completeRun(path = run): void {
  RunFolder.create(path, plainJob(), process.pid).release();
  mkdirSync(join(path, 'model'));
  writeFileSync(join(path, 'status.json'), JSON.stringify(reportInput().status));
  writeFileSync(join(path, 'history.jsonl'), historyText(plainHistory()));
  writeFileSync(join(path, 'model', 'metrics.json'), JSON.stringify(resultReport(10)));
}

async function report(args: readonly string[], cluster?: ClusterReader): Promise<string[]> {
  const said: string[] = [];
  const root = new Command('distill').exitOverride().configureOutput({ writeErr: () => undefined });
  addReportCommand(
    root,
    {
      buckets: null,
      say: (line) => said.push(line),
      nowMs: () => noonMs,
      stop: { signal: new AbortController().signal, ending: 'interrupted' },
      openCluster: () =>
        cluster === undefined
          ? Promise.reject(new CliError('usage', { about: 'kubeconfig', problem: 'no such file', remedy: 'name one' }))
          : Promise.resolve(cluster),
    },
    () => undefined,
  );
  await root.parseAsync(['node', 'distill', 'report', ...args]);
  return said;
}

async function failureOf(work: Promise<unknown>): Promise<CliError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof CliError) return error;
  throw new Error(`expected a CliError, got ${String(error)}`);
}

describe('the report of a run', () => {
  test('goes into its folder, with curves, result and events', async () => {
    completeRun();
    expect(await report([run])).toEqual([
      `report    ${join(run, 'report.html')}`,
      'state     All of its training is done: 200 of 200 steps.',
    ]);
    const page = readFileSync(join(run, 'report.html'), 'utf8');
    for (const id of ['loss', 'scores', 'throughput', 'teachers']) expect(page).toContain(`id="${id}"`);
    expect(page).toContain('TeacherLost');
    expect(page).toContain('99.00 %');
  });

  test('replaces an earlier report, and no other file', async () => {
    completeRun();
    await report([run]);
    await report([run]);
    writeFileSync(join(run, 'report.html'), '<html>mine</html>');
    const error = await failureOf(report([run]));
    expect([error.reason, error.message]).toEqual([
      'badInput',
      `report ${join(run, 'report.html')}: a file of that name is there, and is no report. Name another file with --output, or replace it with --force.`,
    ]);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toBe('<html>mine</html>');
    expect(endingReport(run, noonMs)).toEqual({ problem: error.message });
    expect(await report([run, '--output', join(home, 'other.html')])).toContain(
      `report    ${join(home, 'other.html')}`,
    );
    await report([run, '--force']);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('distill report');
  });

  test('is never written through a link', async () => {
    completeRun();
    symlinkSync(join(home, 'elsewhere.html'), join(run, 'report.html'));
    expect((await failureOf(report([run, '--force']))).message).toContain('something that is no file has that name');
  });

  test('goes to standard output on request', async () => {
    completeRun();
    const [page = ''] = await report([run, '-o', '-']);
    expect(page.startsWith('<!DOCTYPE html>')).toBe(true);
    expect(page.endsWith('</html>')).toBe(true);
  });

  test.each<[string, (path: string) => void, string]>([
    ['without status', (path) => rmSync(join(path, 'status.json')), 'progress; there is no status.json yet.'],
    [
      'with a damaged status',
      (path) => writeFileSync(join(path, 'status.json'), '{"phase": 7, "progress": "much"}'),
      'what status.json says; the file is damaged.',
    ],
    [
      'without history',
      (path) => rmSync(join(path, 'history.jsonl')),
      'rates, teachers and events; there is no history.jsonl, which runs of earlier releases do not write.',
    ],
    [
      'with the history of another',
      (path) => writeFileSync(join(path, 'history.jsonl'), historyText(plainHistory()).replace('u-1', 'u-2')),
      'rates, teachers and events; history.jsonl is not a history of this run.',
    ],
    [
      'with half a history',
      (path) => writeFileSync(join(path, 'history.jsonl'), `${historyText(plainHistory())}{"kind":"sam`),
      '1 damaged lines of history.jsonl.',
    ],
    [
      'with damaged metrics',
      (path) => writeFileSync(join(path, 'model', 'metrics.json'), 'null'),
      'curves of the result; model/metrics.json is damaged, or of another job.',
    ],
    [
      'with binary files',
      (path) => writeFileSync(join(path, 'status.json'), new Uint8Array([0xff, 0, 0xff, 0xc3])),
      'what status.json says; the file is damaged.',
    ],
    [
      'with a folder where a file should be',
      (path) => {
        rmSync(join(path, 'status.json'));
        mkdirSync(join(path, 'status.json'));
      },
      'what status.json says; the file is damaged.',
    ],
  ])('of a run %s is written and says so', async (_, damage, sentence) => {
    completeRun();
    damage(run);
    expect(await report([run])).toContain(`missing   ${sentence}`);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain(`Not in this report: ${sentence}`);
  });

  test('of an unfinished run says how far it is', async () => {
    completeRun();
    const { progress } = reportInput().status ?? {};
    writeFileSync(join(run, 'status.json'), JSON.stringify({ phase: 'Running', progress: { ...progress, step: 50 } }));
    expect(await report([run])).toContain('state     It is not finished: 50 of 200 steps so far.');
    const folder = RunFolder.resume(run, process.pid);
    expect(await report([run])).toContain('state     It is still running: 50 of 200 steps so far.');
    folder.release();
  });

  test('has the baseline beside the student', async () => {
    completeRun();
    completeRun(join(run, 'baseline'));
    await report([run]);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('<th scope="col">Baseline</th>');
  });
});

describe('a folder that is no run', () => {
  test('is refused with what is wrong and what to do', async () => {
    mkdirSync(run);
    const refused = async (path: string) => {
      const { reason, message } = await failureOf(report([path]));
      return [reason, message];
    };
    expect(await refused(run)).toEqual([
      'badInput',
      `run ${run}: it is not the folder of a run: at job.json in it there is nothing. Name the folder that the run printed, such as runs/mnist-20261124-101500.`,
    ]);
    writeFileSync(join(run, 'job.json'), '{"apiVersion": "v1"}');
    expect(await refused(run)).toEqual([
      'badInput',
      `run ${run}: its job.json is damaged: it holds no job as a run writes it. Restore the file, or name another run.`,
    ]);
    const absent = join(home, 'absent');
    expect(await refused(absent)).toEqual([
      'badInput',
      `run ${absent}: there is no such folder. Check the path; \`ls runs\` shows the runs of this folder.`,
    ]);
    expect((await refused(join(run, 'job.json')))[0]).toBe('badInput');
    expect(await refused('mnist')).toEqual([
      'usage',
      'run mnist: there is no such folder, and no cluster to ask for a job of that name (kubeconfig: no such file). Check the path, or name a cluster with --kubeconfig.',
    ]);
  });

  test('that was stopped before anything happened gets no report at the end', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    expect(endingReport(run, noonMs)).toBeNull();
  });
});

const access = { kind: 'creds', url: 'nats://nats.nats.svc:4222', creds: 'of the reader' } as const;

function clusterWith(job: DistillJob | null, events: readonly StoredObject[] = []): ClusterReader {
  return {
    ...fakeClusterReader({ jobs: [] }),
    namespace: 'team-a',
    readJob: () => Promise.resolve(job),
    readSecret: () => Promise.resolve(accessToSecret({ teacher: access, student: access, reader: access })),
    list: () => Promise.resolve([...events]),
  };
}
const finished = (): DistillJob => ({ ...plainJob(), status: reportInput().status ?? {} });
const event = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e', uid: 'e' },
  involvedObject: { uid: plainJob().metadata.uid },
  type: 'Warning',
  reason: 'TeacherFailed',
  message: 'A teacher failed: out of memory',
  lastTimestamp: '2026-11-24T12:00:00Z',
} as unknown as StoredObject;

/** @param history null = the server refuses it */
function stored(content: string | StreamError, history: string | null = ''): JobReportTools['connect'] {
  if (content instanceof StreamError) return () => Promise.reject(content);
  const bytes = Buffer.from(content);
  return () =>
    Promise.resolve({
      list: () => Promise.resolve([{ name: 'result/metrics.json', bytes: bytes.length } as never]),
      read: async function* () {
        yield await Promise.resolve(bytes.subarray(0, 10));
        yield bytes.subarray(10);
      },
      history: () =>
        history === null
          ? Promise.reject(new StreamError('unauthorized', { about: 'history', problem: 'refused', remedy: '' }))
          : Promise.resolve(history),
      close: () => Promise.resolve(),
    });
}

describe('the report of a job of a cluster', () => {
  const made = (job: DistillJob | null, connect: JobReportTools['connect']) =>
    jobReport(
      { job: 'mnist', credentials: 'job' },
      { cluster: clusterWith(job, [event]), connect, buckets: null, nowMs: noonMs, stop: new AbortController().signal },
    );

  test('has the curves of its history as a local run has, with marks and reasons', async () => {
    const found = await made(finished(), stored(JSON.stringify(resultReport(10)), historyText(plainHistory())));
    expect(found?.missing).toEqual([]);
    for (const id of ['loss', 'scores', 'throughput', 'waiting', 'buffer', 'teachers'])
      expect(found?.page).toContain(`id="${id}"`);
    expect(found?.page).toContain('TeacherLost: Pool cpu lost 1 teacher');
    // Its own events say more than those that the API server still has.
    expect(found?.page).not.toContain('A teacher failed: out of memory');
  });

  test.each<[string, string | null, string]>([
    ['none is stored yet', '', 'the operator has not stored any yet, or is of an earlier release'],
    ['it is of another job', historyText(plainHistory()).replace('u-1', 'u-2'), 'the stored history is damaged'],
    ['it is damaged', '{"kind":', 'the stored history is damaged'],
    ['the reader has no right to it', null, 'history: refused'],
  ])('goes without the curves of its history where %s', async (_, history, reason) => {
    const found = await made(finished(), stored(JSON.stringify(resultReport(10)), history));
    expect(found?.missing).toHaveLength(1);
    expect(found?.missing[0]).toMatch(/^curves of rates, the buffer and the teachers; /);
    expect(found?.missing[0]).toContain(reason);
    expect(found?.page).toContain('A teacher failed: out of memory');
  });

  test('has its status, its events, and the curves of its result', async () => {
    const found = await made(finished(), stored(JSON.stringify(resultReport(10))));
    expect(found?.page).toContain('id="loss"');
    expect(found?.page).toContain('A teacher failed: out of memory');
    expect(found?.page).toContain('From the job team-a/mnist of a cluster.');
  });

  test.each<[string, string, string]>([
    ['it is damaged', 'null', 'metrics.json is damaged, or of another job'],
    [
      'it is of another job',
      JSON.stringify({ ...resultReport(1), job: { uid: 'u-2', namespace: 'a', name: 'b' } }),
      'of another job',
    ],
  ])('goes without the curves where %s', async (_, content, reason) => {
    const found = await made(finished(), stored(content));
    expect(found?.missing[1]).toMatch(/^curves of the loss and the scores; /);
    expect(found?.missing[1]).toContain(reason);
    expect(found?.page).not.toContain('id="loss"');
  });

  test('goes without anything of NATS where that refuses, and says it once', async () => {
    const refusal = new StreamError('unauthorized', { about: 'NATS', problem: 'it refused', remedy: '' });
    const found = await made(finished(), stored(refusal));
    expect(found?.missing).toEqual(['curves of the loss, scores, rates and teachers; NATS: it refused.']);
    expect(found?.page).toContain('A teacher failed: out of memory');
  });

  test('of a program that reads no buckets says that the exact curves of a result in one are missing', async () => {
    const job = finished();
    job.spec.student.output.store = 's3://runs/mnist/model';
    const found = await made(job, stored('', historyText(plainHistory())));
    expect(found?.page).toContain('id="loss"');
    expect(found?.missing).toEqual([
      expect.stringMatching(
        /^the exact losses and scores of each step; job .+: its results are in s3:\/\/runs\/mnist\/model, and this program of one file reads no buckets/,
      ),
    ]);
  });

  test('of a job that trains says that its exact curves come later', async () => {
    const history = historyText(plainHistory());
    const found = await made({ ...plainJob(), status: { phase: 'Running' } }, stored('', history));
    expect(found?.page).toContain('id="loss"');
    expect(found?.missing).toEqual([
      'the exact losses and scores of each step; the student stores them when its training is complete.',
    ]);
  });

  test('is asked for by name, and a name that is unknown is refused', async () => {
    const output = join(home, 'out.html');
    expect(
      await report(
        ['mnist', '-o', output, '-n', 'team-a'],
        clusterWith({ ...plainJob(), status: { phase: 'Pending' } }),
      ),
    ).toContain(`report    ${output}`);
    expect((await failureOf(report(['mnist'], clusterWith(null)))).message).toBe(
      'job team-a/mnist: there is no such DistillJob, and no folder of that name here. Check the name, and the namespace with --namespace.',
    );
    expect((await failureOf(report(['../mnist', '-n', 'team-a'], clusterWith(null)))).message).toContain(
      'that is not the name of a job',
    );
  });
});
