/** The export of a model on its thread, as a student uses it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, test } from '@jest/globals';
import * as tfl from '@tensorflow/tfjs-layers';

import { exportInThread } from '../../../workers/compute/index.js';
import type { OnnxOrder } from '../../../workers/models/export.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { chain, exportedOf, facts, logitsOf, samplesFor, scramble } from '../models-export/models.js';

/** The threads run compiled; `npm test` builds before it tests. */
const compiled = (name: string): URL => new URL(`../../../dist/workers/compute/${name}.js`, import.meta.url);
const limits = { limitSeconds: 60, freeBytes: 2 ** 30 };

beforeAll(async () => {
  await openRuntime('cpu', 'training');
});

function orderFor(layer: tfl.layers.Layer): OnnxOrder {
  const model = chain([5, 4], [layer]);
  scramble(model);
  const samples = samplesFor(model);
  return { model: exportedOf(model), facts, logits: logitsOf(model, samples), samples };
}

describe('the export of a model', () => {
  test('gives the file, and the thread ends', async () => {
    const bytes = await exportInThread(orderFor(tfl.layers.dense({ units: 3 })), limits, compiled('export-worker'));
    expect(Buffer.from(bytes).toString('latin1')).toContain('distillery');
  });

  test('reports a layer without an ONNX form with its kind and its name', async () => {
    const order = orderFor(tfl.layers.masking({ name: 'mask' }));
    await expect(exportInThread(order, limits, compiled('export-worker'))).rejects.toMatchObject({
      kind: 'OnnxExport',
      fault: { about: 'layer mask', problem: 'Masking is not exported to ONNX' },
    });
  });

  test('does not begin where the memory is too small for it', async () => {
    const order = orderFor(tfl.layers.dense({ units: 3 }));
    const few = { ...limits, freeBytes: 20 * 2 ** 20 };
    await expect(exportInThread(order, few, compiled('export-worker'))).rejects.toThrow(
      'model.onnx: making it needs 33 MiB of memory, and the student has 20 MiB left',
    );
  });

  test('keeps the ONNX runtime out of the process until it begins', () => {
    const program = `await import(${JSON.stringify(compiled('index').href)});
      console.log(process.report.getReport().sharedObjects.filter((file) => file.includes('onnxruntime')).length);`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      encoding: 'utf8',
    });
    expect(said).toBe('0\n');
  });
});
