/**
 * The runtime cuda beside the processor: the loss curves of equal students, whether two runs end with equal bits, a teacher's
 * answers, and the speed of both. It needs an NVIDIA device and a build by `npm run native -- --cuda`; for the teacher also
 * the provider of ONNX Runtime, as in the image teacher-gpu.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { randomFrom } from '@distillery/base';

import { noNative, openRuntime, RuntimeError, runtimeTable } from '../../../workers/runtimes/index.js';
import { builtNative } from '../../kit/native.js';
import { type BenchOptions, type BenchTable, median } from '../table.js';
import { type Block, BlockProcess } from './block-process.js';
import { casesNamed, type StudentCase } from './cases.js';

type Row = BenchTable['rows'][number];

const goal = 'losses and answers as on the processor, within the tolerance of the row; equal bits in two runs';
const blocks = 10;
const blockSteps = 20;
const teacher = join(import.meta.dirname, '../../../../examples/mnist/models/teacher.onnx');
const teacherRows = 256;
const teacherBatches = 20;

export async function deviceBench(say: (line: string) => void, { model }: BenchOptions): Promise<BenchTable> {
  const folder = builtNative();
  const rows: Row[] = [];
  if (folder === null) rows.push({ what: 'students', result: 'not measured: run `npm run native -- --cuda` first' });
  else {
    for (const given of casesNamed(model)) {
      say(given.name);
      rows.push(await measured(given.name, () => studentRow(given, folder)));
    }
  }
  say('teacher in ONNX');
  rows.push(await measured('teacher in ONNX', teacherRow));
  return { name: 'device', goal, rows };
}

/** A row that says why there is none where the runtime does not start. */
async function measured(what: string, work: () => Promise<Row>): Promise<Row> {
  try {
    return { what, ...(await work()) };
  } catch (error) {
    const sentence = error instanceof RuntimeError ? error.message : /runtime cuda: .*/.exec(String(error))?.[0];
    if (sentence === undefined) throw error;
    return { what, result: `not measured: ${sentence}` };
  }
}

interface Trained {
  readonly description: string;
  readonly blocks: readonly Block[];
  readonly digest: number;
}

async function trained(given: StudentCase, folder: string, runtime: 'native' | 'cuda'): Promise<Trained> {
  const program = join(import.meta.dirname, 'blocks.js');
  const child = new BlockProcess(process.execPath, [program, given.name, folder, '1', runtime], {});
  try {
    const { description } = await child.opened();
    const done: Block[] = [];
    for (let block = 0; block < blocks; block++) done.push(await child.train(blockSteps));
    return { description, blocks: done, digest: await child.digest() };
  } finally {
    await child.close();
  }
}

async function studentRow(given: StudentCase, folder: string): Promise<Row> {
  const device = await trained(given, folder, 'cuda');
  const again = await trained(given, folder, 'cuda');
  const processor = await trained(given, folder, 'native');
  const differences = device.blocks.map(({ result }, at) => {
    const expected = processor.blocks[at]?.result ?? NaN;
    return Math.abs(result - expected) / Math.abs(expected);
  });
  // The first block records the step and warms the device up.
  const perSecond = ({ blocks: [, ...rest] }: Trained): number =>
    Math.round((blockSteps * given.batch) / median(rest.map(({ wallSeconds }) => wallSeconds)));
  return {
    result: device.description,
    'largest difference': `${(100 * Math.max(...differences)).toFixed(3)} % of the loss (at most 1 %)`,
    'equal bits': device.digest === again.digest ? 'yes' : 'no',
    'samples/s': perSecond(device),
    'on the processor': perSecond(processor),
  };
}

async function teacherRow(): Promise<Row> {
  const [processor, device] = [await answers('wasm'), await answers('cuda')];
  const largest = Math.max(...processor.logits.map(Math.abs));
  const difference = Math.max(...processor.logits.map((logit, at) => Math.abs(logit - (device.logits[at] ?? NaN))));
  return {
    result: device.description,
    'largest difference': `${((100 * difference) / largest).toFixed(3)} % of the largest logit (at most 0.1 %)`,
    'equal bits': '',
    'samples/s': device.perSecond,
    'on the processor': processor.perSecond,
  };
}

/** With every runtime but cuda, ONNX is computed on the processor. */
async function answers(choice: 'wasm' | 'cuda') {
  const runtime = await openRuntime(choice, 'onnx', runtimeTable(noNative));
  const session = await runtime.openSession({
    format: 'onnx',
    path: teacher,
    bytes: readFileSync(teacher),
    threads: 1,
    note: () => undefined,
  });
  const [input] = session.inputs;
  const [output] = session.outputs;
  if (input === undefined || output === undefined) throw new Error('device: the teacher has no input or no output');
  const shape = [teacherRows, ...input.shape.slice(1).map((axis) => axis ?? 1)];
  const random = randomFrom(1);
  const data = Float32Array.from({ length: shape.reduce((product, axis) => product * axis, 1) }, () => random.unit());
  const answer = async () => session.run([{ dtype: 'float32', shape, data }], output.name);
  const { data: logits } = await answer();
  const seconds: number[] = [];
  for (let batch = 0; batch < teacherBatches; batch++) {
    const begun = performance.now();
    await answer();
    seconds.push((performance.now() - begun) / 1e3);
  }
  await session.close();
  return {
    description: session.description,
    logits: [...logits],
    perSecond: Math.round(teacherRows / median(seconds)),
  };
}
