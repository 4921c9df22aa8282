/**
 * The variants of a job, each once through the whole engine: stored logits, places of results, servers, kinds of teacher
 * models, and the baseline of the labels alone.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { markName } from '@distillery/platform';
import type { ResultReport } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { DistillJobStatus } from '../../../src/api/index.js';
import { DistillProcess, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { startTestNats } from '../../kit/nats.js';
import { connectRoot } from '../../kit/stream.js';
import { specialTokens, wordTokenizer } from '../../kit/tokenizer.js';

const fixtures = join(import.meta.dirname, '../../unit/inference/fixtures');
const folder = mkdtempSync(join(tmpdir(), 'distill-variants-'));
let data = '';

beforeAll(() => {
  data = smallMnist(join(folder, 'data'), { train: 1_024, test: 256 });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let runs = 0;

/** A student that has a layer without an ONNX form. */
function maskedStudent(): string {
  const layer = (className: string, config: Record<string, unknown>): unknown => ({ class_name: className, config });
  return JSON.stringify({
    class_name: 'Sequential',
    config: {
      name: 'masked',
      layers: [
        layer('Reshape', { name: 'lines', target_shape: [28, 28], batch_input_shape: [null, 28, 28, 1] }),
        layer('Masking', { name: 'rows', mask_value: 0 }),
        layer('Flatten', { name: 'flat' }),
        layer('Dense', { name: 'logits', units: 10 }),
      ],
    },
  });
}

async function complete(
  change: (spec: SmallSpec) => void,
  {
    options = [],
    environment = {},
  }: { readonly options?: readonly string[]; readonly environment?: Record<string, string> } = {},
): Promise<{ readonly run: DistillProcess; readonly dir: string }> {
  const dir = join(folder, `run-${String(runs++)}`);
  const job = writeSmallJob(folder, data, (spec) => {
    spec.training.epochs = 2;
    change(spec);
  });
  const run = new DistillProcess(['run', job, '--json', '--dir', dir, ...options], environment);
  expect({ exitCode: await run.ended(), stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(run.result?.outcome).toBe('complete');
  expect(await run.survivors()).toEqual([]);
  return { run, dir };
}

describe('a job', () => {
  it('gives the same student wherever checkpoints and results are kept', async () => {
    const inStreams = await complete(() => undefined);
    const inFiles = await complete((spec) => {
      spec.student.checkpoint = { everySteps: 10, keep: 2, store: 'file' };
      spec.student.output = { store: 'file' };
    });
    expect(inFiles.run.result?.digest).toBe(inStreams.run.result?.digest);
    for (const { dir } of [inStreams, inFiles]) {
      const names = readdirSync(join(dir, 'model')).filter((name) => name !== markName);
      expect(names.sort()).toEqual(['SHA256SUMS', 'metrics.json', 'model.json', 'model.onnx', 'weights.bin']);
    }
    expect(readdirSync(join(inFiles.dir, 'checkpoints'))).toHaveLength(2);
    expect(existsSync(join(inStreams.dir, 'nats'))).toBe(false);
  });

  it('runs through a server that somebody else keeps, and leaves nothing there', async () => {
    const nats = await startTestNats();
    const { connection, manager } = await connectRoot(nats);
    try {
      const url = new URL(nats.url);
      [url.username, url.password] = [nats.root.user, nats.root.password];
      const { dir } = await complete(() => undefined, { environment: { DISTILL_NATS_URL: url.href } });
      expect(readdirSync(join(dir, 'model'))).toHaveLength(5);
      expect(existsSync(join(dir, 'nats'))).toBe(false);
      expect(await manager.streams.list().next()).toEqual([]);
    } finally {
      await connection.close();
      await nats.stop();
    }
  });

  it.each([
    ['all logits in full precision', { encoding: 'Float32', topK: 0 }],
    ['the three largest logits and the remaining mass', { encoding: 'Float16', topK: 3 }],
  ])(
    'distills from %s',
    async (_what, logits) => {
      const { run, dir } = await complete((spec) => (spec.logits = logits));
      expect(run.result?.studentAccuracy).toBeGreaterThan(0.5);
      const metrics = JSON.parse(readFileSync(join(dir, 'model', 'metrics.json'), 'utf8')) as Record<string, unknown>;
      expect(metrics).toMatchObject({ digest: run.result?.digest, accuracy: run.result?.studentAccuracy, steps: 32 });
    },
    300_000,
  );

  it('trains by another loss, clipped, and exports the averaged weights with what was measured', async () => {
    const { run, dir } = await complete((spec) => {
      spec.training.epochs = 3;
      Object.assign(spec.student, {
        loss: { kind: 'MSE', labelSmoothing: 0.1 },
        optimizer: { learningRate: 0.002, clipNorm: 1, ema: 0.9 },
      });
    });
    expect(run.result?.studentAccuracy).toBeGreaterThan(0.5);
    const { digest, metrics } = JSON.parse(readFileSync(join(dir, 'model', 'metrics.json'), 'utf8')) as ResultReport;
    expect(digest).toBe(run.result?.digest);
    expect(metrics).toMatchObject({ accuracy: run.result?.studentAccuracy, klDivergence: expect.any(Number) });
    expect(metrics?.agreement).toBeGreaterThan(0.5);
    expect(run.result).toMatchObject({ metrics });
    const { result } = JSON.parse(readFileSync(join(dir, 'status.json'), 'utf8')) as DistillJobStatus;
    expect(Object.fromEntries((result?.metrics ?? []).map(({ name, value }) => [name, value]))).toEqual(metrics);
  });

  it('can be taught by a student that an earlier job made, in both of its formats', async () => {
    const first = await complete((spec) => (spec.training.epochs = 3));
    for (const [format, file] of [
      ['tfjs-layers', 'model.json'],
      ['onnx', 'model.onnx'],
    ] as const) {
      const second = await complete((spec) => {
        spec.teacher.model = { format, uri: `file://${join(first.dir, 'model', file)}` };
      });
      expect(second.run.result?.teacherAccuracy).toBeCloseTo(first.run.result?.studentAccuracy ?? NaN, 10);
    }
    // Both at once: the average of a model with itself is as accurate as the model.
    const both = await complete((spec) => {
      const uri = (file: string): string => `file://${join(first.dir, 'model', file)}`;
      spec.teacher.model = { format: 'tfjs-layers', uri: uri('model.json') };
      spec.teacher.ensemble = { weight: 2, members: [{ name: 'same', model: { uri: uri('model.onnx') } }] };
    });
    expect(both.run.result?.teacherAccuracy).toBeCloseTo(first.run.result?.studentAccuracy ?? NaN, 10);
  });

  it('learns from texts that teachers and student read alike, each with a tokenizer of its own', async () => {
    const [texts, own, smaller] = ['texts.jsonl', 'own.json', 'smaller.json'].map((name) => join(folder, name));
    const known = ['a', 'bird', 'sings', 'sample', 'word'];
    const line = (at: number): string => JSON.stringify({ text: `a ${known[1 + (at % 4)]!} ${known[(at * 7) % 5]!}` });
    writeFileSync(texts!, Array.from({ length: 256 }, (_, at) => line(at)).join('\n'));
    writeFileSync(own!, wordTokenizer([...specialTokens, ...known]));
    writeFileSync(smaller!, wordTokenizer([...specialTokens, ...known.slice(0, 3)]));
    const { run } = await complete((spec) => {
      spec.dataset = { format: 'jsonl', uri: `file://${texts!}`, fields: [{ name: 'text', type: 'text' }] };
      spec.training = { batchSize: 32, epochs: 2 };
      spec.teacher.model = { uri: `file://${join(fixtures, 'embedding.onnx')}` };
      spec.teacher.tokenizer = { uri: `file://${own!}`, maxTokens: 5 };
      spec.student = {
        model: { uri: 'preset://text-cnn?outputs=3&embedding=4&filters=4&kernels=2' },
        tokenizer: { uri: `file://${smaller!}`, maxTokens: 5 },
      };
    });
    expect(run.result?.outcome).toBe('complete');
  });

  it('leaves model.onnx out, says why, and succeeds where a layer of the student has no ONNX form', async () => {
    const student = join(folder, 'masked.json');
    writeFileSync(student, maskedStudent());
    const { dir } = await complete((spec) => (spec.student.model = { uri: `file://${student}` }));
    const names = readdirSync(join(dir, 'model')).filter((name) => name !== markName);
    expect(names.sort()).toEqual(['SHA256SUMS', 'metrics.json', 'model.json', 'weights.bin']);
    const report: unknown = JSON.parse(readFileSync(join(dir, 'model', 'metrics.json'), 'utf8'));
    expect(report).toMatchObject({ onnxLeftOut: 'layer rows: Masking is not exported to ONNX' });
  });

  it('shows what labels alone would have given', async () => {
    const { run, dir } = await complete(() => undefined, { options: ['--baseline'] });
    expect(run.result).toMatchObject({ baselineAccuracy: expect.any(Number), studentAccuracy: expect.any(Number) });
    const baseline = JSON.parse(readFileSync(join(dir, 'baseline', 'status.json'), 'utf8')) as object;
    expect(baseline).toMatchObject({ phase: 'Succeeded', progress: { step: 32, steps: 32 }, teachers: { desired: 0 } });
  });
});
