/**
 * A server that restarts with a full store, as when others have filled its disk: the run waits, reports the reason, and
 * resumes when there is space. It costs time, but not the job.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { distillExit, DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { testServerBinary } from '../../kit/nats.js';
import { until } from '../../kit/until.js';
import { hasModel } from '../bad-input/ending.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-full-'));
let job = '';
let binary = '';
let port = 0;
let server: ChildProcess | null = null;
beforeAll(async () => {
  binary = await testServerBinary();
  job = writeSmallJob(folder, smallMnist(join(folder, 'data'), { train: 2_048, test: 64 }), (spec) => {
    Object.assign(spec.training, { epochs: 4 });
    spec.logits.maxBytes = '16Mi';
  });
  const holder = createServer();
  await once(holder.listen(0, '127.0.0.1'), 'listening');
  ({ port } = holder.address() as AddressInfo);
  await once(holder.close(), 'close');
});
afterAll(async () => {
  await stopServer();
  rmSync(folder, { recursive: true, force: true });
});

/** @param storeBytes maximum size of all streams together */
async function startServer(storeBytes: number): Promise<void> {
  const configuration = join(folder, 'nats.conf');
  const store = JSON.stringify(join(folder, 'store'));
  writeFileSync(
    configuration,
    `listen: "127.0.0.1:${String(port)}"\njetstream { store_dir: ${store}, max_file_store: ${String(storeBytes)} }\n`,
  );
  const started = spawn(binary, ['-c', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
  server = started;
  let said = '';
  started.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until('the server', () => said.includes('Server is ready'));
}

async function stopServer(): Promise<void> {
  if (server === null) return;
  const gone = once(server, 'exit');
  server.kill('SIGKILL');
  server = null;
  await gone;
}

const GiB = 1024 ** 3;

test('a server that is back on a full store costs time and not the job', async () => {
  await startServer(4 * GiB);
  const place = join(folder, 'run');
  const run = new DistillProcess(['run', job, '--json', '--dir', place], {
    DISTILL_NATS_URL: `nats://127.0.0.1:${String(port)}`,
  });
  await run.until('some steps', () => (run.progress?.step ?? 0) >= 20);
  await stopServer();
  await startServer(1);
  const logs = join(place, 'logs');
  const said = (): string =>
    readdirSync(logs)
      .map((name) => readFileSync(join(logs, name), 'utf8'))
      .join('');
  await run.until('a worker that waits', () => /insufficient resources.*trying again/.test(said()));
  await stopServer();
  await startServer(4 * GiB);
  expect(await run.ended()).toBe(distillExit.ok);
  expect(hasModel(place)).toBe(true);
  expect(run.result).toMatchObject({ outcome: 'complete' });
});
