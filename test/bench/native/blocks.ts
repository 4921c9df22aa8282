/**
 * A process that trains one student of cases.ts in blocks of steps: each line of standard input is a number of steps, each
 * line of standard output what they cost. The same protocol in Python: blocks.py. Arguments: the case, the folder of native,
 * threads, the runtime.
 */
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';

import type { StudentTrainer } from '../../../workers/models/training.js';
import { noNative, openRuntime, runtimeTable } from '../../../workers/runtimes/index.js';
import { nativeTensors } from '../../kit/native-tensors.js';
import type { Block } from './block-process.js';
import { batchOf, studentCases, trainerOptions } from './cases.js';

/** The learning rate is constant, so this only has to be more than any benchmark trains. */
const totalSteps = 1_000_000;
/** As many as a number holds. */
const digestBytes = 6;
const [, , name = '', folder = '', threads = '1', chosen = 'native'] = process.argv;
const given = studentCases.find((each) => each.name === name);
if (given === undefined) throw new Error(`blocks: no case ${name}`);

// The instruction set is the newest of the processor, as Python's is.
const native = { ...noNative, folder, threads: Number(threads) };
const runtime = await openRuntime(chosen === 'cuda' ? 'cuda' : 'native', 'training', runtimeTable(native));
const trainer = await runtime.openTrainer(trainerOptions(given, totalSteps));
const batch = batchOf(given);
let next = 0;

function write(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Runs `work`, and says what it cost. */
function costOf(work: () => number): Block {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  const result = work();
  const { user, system } = process.cpuUsage(cpu);
  return {
    wallSeconds: (performance.now() - wall) / 1e3,
    cpuSeconds: (user + system) / 1e6,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: process.resourceUsage().maxRSS * 1_024,
    tensors: nativeTensors(),
    result,
  };
}

function train(trained: StudentTrainer, steps: number): number {
  let lossOfLast = NaN;
  for (const end = next + steps; next < end; next++) lossOfLast = trained.train({ ...batch, step: next }).loss;
  return lossOfLast;
}

write({ parameters: trainer.parameters, notes: trainer.notes, description: runtime.description });
for await (const line of createInterface({ input: process.stdin })) {
  const [kind = '', count = '0'] = line.split(' ');
  // A state is what a checkpoint takes off the device; its result is its size in bytes.
  if (kind === 'state') {
    write(
      costOf(() => {
        const { weights, slots } = trainer.state();
        return [...weights, ...slots].reduce((sum, { data }) => sum + data.byteLength, 0);
      }),
    );
  } else if (kind === 'digest') {
    write(
      costOf(() => {
        const hash = createHash('sha256');
        for (const { data } of trainer.state().weights) hash.update(data);
        return hash.digest().readUIntBE(0, digestBytes);
      }),
    );
  } else {
    write(costOf(() => train(trainer, Number(count))));
  }
}
trainer.dispose();
