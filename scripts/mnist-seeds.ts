/**
 * Distills the MNIST example and its baseline over five seeds and writes the table examples/mnist/RESULTS.md.
 * Needs a build (`npm run build`); takes some minutes a seed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const example = join(root, 'examples/mnist');
const seeds = [1, 2, 3, 4, 5];

interface Result {
  readonly type: string;
  readonly seconds: number;
  readonly studentAccuracy: number;
  readonly teacherAccuracy: number;
  readonly baselineAccuracy: number;
  readonly digest: string;
}

function distill(seed: number, folder: string): Result {
  const job = readFileSync(join(example, 'job.yaml'), 'utf8')
    .replace(/^( *seed:) .*$/m, `$1 ${String(seed)}`)
    .replaceAll('file://models/', `file://${example}/models/`);
  const file = join(folder, 'job.yaml');
  writeFileSync(file, job);
  const run = spawnSync(
    process.execPath,
    [join(root, 'dist/src/cli/main.js'), 'run', file, '--baseline', '--json', '--dir', join(folder, String(seed))],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 },
  );
  const line = run.stdout.trim().split('\n').at(-1) ?? '';
  const result = JSON.parse(line) as Result;
  if (run.status !== 0 || result.type !== 'result') throw new Error(`seed ${String(seed)}: ${line}`);
  return result;
}

const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const folder = mkdtempSync(join(tmpdir(), 'distill-seeds-'));
try {
  const results = seeds.map((seed) => {
    const result = distill(seed, folder);
    process.stderr.write(
      `seed ${String(seed)}: student ${percent(result.studentAccuracy)}, baseline ${percent(result.baselineAccuracy)}\n`,
    );
    return { seed, ...result };
  });
  const gains = results.map(({ studentAccuracy, baselineAccuracy }) => studentAccuracy - baselineAccuracy);
  const rows = results.map(
    ({ seed, studentAccuracy, baselineAccuracy, seconds, digest }) =>
      `| ${String(seed)} | ${percent(studentAccuracy)} | ${percent(baselineAccuracy)} | ` +
      `${((studentAccuracy - baselineAccuracy) * 100).toFixed(2)} | ${seconds.toFixed(0)} | \`${digest.slice(0, 16)}…\` |`,
  );
  writeFileSync(
    join(example, 'RESULTS.md'),
    [
      '# Results over five seeds',
      '',
      'Accuracy on the 10,000 test images; the baseline is the same student trained on labels alone, for the same steps,',
      'with the same batches, augmentation and optimizer. Written by `node scripts/mnist-seeds.ts` after `npm run build`,',
      `on ${String(availableParallelism())} cores. Seconds are those of the distillation alone.`,
      '',
      `The teacher: ${percent(results[0]?.teacherAccuracy ?? Number.NaN)}.`,
      '',
      '| seed | distilled | labels alone | gain, points | seconds | digest of the distilled weights |',
      '| ---: | ---: | ---: | ---: | ---: | --- |',
      ...rows,
      `| **mean** | **${percent(mean(results.map((result) => result.studentAccuracy)))}** | ` +
        `**${percent(mean(results.map((result) => result.baselineAccuracy)))}** | ` +
        `**${(mean(gains) * 100).toFixed(2)}** | | |`,
      '',
    ].join('\n'),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
