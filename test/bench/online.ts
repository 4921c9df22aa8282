/**
 * The claim that this project rests on: a student whose teachers are elsewhere trains faster than one that shares its device
 * with the teacher ("online" distillation, as EDL-Dist calls it), by as much as the teacher cost.
 *
 * The student is the real process with steps of a fixed time, and in a few cases with those of a real model, whose speed alone
 * is measured right before. Teachers are remote devices of which each takes `ratio` times as long for the same batch. On one
 * device a step takes the sum of both, which is computed and not measured: no overhead is charged to the rival.
 *
 *   possible = min(1 + ratio, teachers × (1 + ratio) ÷ ratio)
 *
 *   npm run bench online -- --model real     # the real model alone
 */
import { possibleSpeedup } from './speedup.js';
import { type BenchOptions, type BenchTable, median } from './table.js';
import { timedRun } from './timed-run.js';

const stepMs = 50;
const settling = 40;
/** Fewer where the teachers bind: such steps are long. */
const measured = { student: 160, teachers: 60 };

const ratios = [1, 2, 4, 8];
const fleets = [1, 2, 4, 8, 16, 64];

/**
 * What EDL's README publishes of ResNet50_vd on 8 V100: 656 images/s with the teacher on the same devices, 1,514 with
 * its service, 1,828 without a teacher.
 */
const published = { case: 'EDL, published', possible: 1_828 / 656, achieved: 1_514 / 656 };

export async function onlineBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const { teachers: named, model } = options;
  const only = model === 'real' ? [] : named === undefined ? fleets : named.split(',').map(Number);
  const rows: BenchTable['rows'][number][] = [];
  for (const ratio of ratios) {
    for (const teachers of only) {
      const possible = possibleSpeedup(ratio, teachers);
      const serviceMs = ratio * stepMs;
      const binds = possible < 1 + ratio ? 'teachers' : 'student';
      const run = { stepMs, settling, measured: measured[binds] };
      const { stepsPerSecond, waited } = await timedRun({ ...run, teachers: { devices: teachers, serviceMs } });
      const achieved = (stepsPerSecond * stepMs * (1 + ratio)) / 1_000;
      say(`ratio ${String(ratio)}, ${String(teachers)} teachers: ${achieved.toFixed(3)} of ${possible.toFixed(3)}`);
      rows.push(rowOf(`ratio ${String(ratio)}, ${String(teachers)} teachers`, { binds, possible, achieved, waited }));
    }
  }
  if (named === undefined) {
    for (const [ratio, teachers] of realCases) rows.push(await ofRealStudent(ratio, teachers, say));
  }
  const { case: name, ...edl } = published;
  rows.push(rowOf(name, { binds: '', waited: NaN, ...edl }));
  return {
    name: 'online',
    goal: '≥ 0.97 of the possible everywhere; > 3.125 times where the ratio allows it',
    better: { 'achieved ÷ possible': 'more' },
    rows,
  };
}

/** Ratio and teachers: those bind, or the student does. */
const realCases = [
  [1, 2],
  [2, 1],
  [4, 8],
  [8, 64],
] as const;
const realPairs = 3;
/** About 50 ms a step on one core: of a smaller one, the steps are shorter than the ways between processes. */
const realModel = 'preset://resnet-tiny';
const ofReal = { stepMs: 0, settling: 20, measured: 80, model: realModel };

/** A student of real size: alone on frames that are stored already, then beside teachers, in pairs, since machines drift. */
async function ofRealStudent(
  ratio: number,
  teachers: number,
  say: (line: string) => void,
): Promise<BenchTable['rows'][number]> {
  const possible = possibleSpeedup(ratio, teachers);
  const pairs: { readonly achieved: number; readonly waited: number }[] = [];
  for (let pair = 0; pair < realPairs; pair++) {
    const alone = await timedRun({ ...ofReal, teachers: null });
    const serviceMs = (1_000 * ratio) / alone.stepsPerSecond;
    const { stepsPerSecond, waited } = await timedRun({ ...ofReal, teachers: { devices: teachers, serviceMs } });
    const achieved = (stepsPerSecond / alone.stepsPerSecond) * (1 + ratio);
    pairs.push({ achieved, waited });
    say(
      `real student, ratio ${String(ratio)}, ${String(teachers)} teachers: ${achieved.toFixed(3)} of ${possible.toFixed(3)}`,
    );
  }
  return rowOf(`real student, ratio ${String(ratio)}, ${String(teachers)} teachers`, {
    binds: possible < 1 + ratio ? 'teachers' : 'student',
    possible,
    achieved: median(pairs.map(({ achieved }) => achieved)),
    waited: median(pairs.map(({ waited }) => waited)),
  });
}

interface Outcome {
  readonly binds: string;
  readonly possible: number;
  readonly achieved: number;
  readonly waited: number;
}

function rowOf(name: string, { binds, possible, achieved, waited }: Outcome): BenchTable['rows'][number] {
  const part = achieved / possible;
  return {
    case: name,
    binds,
    'possible speed-up': possible.toFixed(3),
    achieved: achieved.toFixed(3),
    'achieved ÷ possible': part.toFixed(3),
    'waited, %': Number.isNaN(waited) ? '' : (100 * waited).toFixed(1),
    plot: '█'.repeat(Math.round(20 * part)),
  };
}
