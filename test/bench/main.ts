/**
 * `npm run bench [name …] [-- --option value …]`: prints a table for each benchmark and writes bench-results/<name>.json.
 * Each benchmark reads its own options. `--compare` prints what got slower than the committed baseline, `--baseline` writes
 * that.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { binaryTablesBench } from './binary-tables.js';
import { comparisonText, type SavedTable } from './compare.js';
import { codecBench } from './codec.js';
import { elasticBench } from './elastic.js';
import { fleetBench } from './fleet.js';
import { framesBench } from './frames.js';
import { starvingStudentBench } from './starving-student.js';
import { killBench } from './kill.js';
import { ledgerBench } from './ledger.js';
import { deviceBench } from './native/device.js';
import { enduranceBench } from './native/endurance.js';
import { pythonBench } from './native/python.js';
import { onlineBench } from './online.js';
import { picturesBench } from './pictures.js';
import { pipelineBench } from './pipeline.js';
import { realBench } from './real/real.js';
import { scaleBench } from './scale.js';
import { shareBench } from './share.js';
import { startupBench } from './startup.js';
import { type BenchOptions, type BenchTable, renderTable } from './table.js';
import { tablesBench } from './tables.js';
import { teachersBench } from './teachers.js';
import { trainerBench } from './trainer.js';

const benches: Readonly<Record<string, (say: (line: string) => void, options: BenchOptions) => Promise<BenchTable>>> = {
  trainer: trainerBench,
  pipeline: pipelineBench,
  frames: framesBench,
  codec: codecBench,
  startup: startupBench,
  teachers: teachersBench,
  kill: killBench,
  tables: tablesBench,
  ledger: ledgerBench,
  share: shareBench,
  fleet: fleetBench,
  scale: scaleBench,
  starving: starvingStudentBench,
  elastic: elasticBench,
  real: realBench,
  'binary-tables': binaryTablesBench,
  pictures: picturesBench,
  endurance: enduranceBench,
  python: pythonBench,
  online: onlineBench,
  device: deviceBench,
};

/** Run only when named: they take up to an hour or more, need a control plane built from source, Python's TensorFlow or a GPU. */
const onRequestOnly = ['scale', 'starving', 'real', 'python', 'device'];

const {
  values: { compare, baseline, tolerance, ...options },
  positionals: names,
} = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    jobs: { type: 'string' },
    nodes: { type: 'string' },
    minutes: { type: 'string' },
    qps: { type: 'string' },
    policies: { type: 'string' },
    kills: { type: 'string' },
    mib: { type: 'string' },
    model: { type: 'string' },
    rounds: { type: 'string' },
    steps: { type: 'string' },
    threads: { type: 'string' },
    teachers: { type: 'string' },
    tolerance: { type: 'string', default: '0.05' },
    compare: { type: 'boolean', default: false },
    baseline: { type: 'boolean', default: false },
  },
});
const unknown = names.filter((name) => !(name in benches));
if (unknown.length > 0) {
  process.stderr.write(`found ${unknown.join(', ')}, expected some of ${Object.keys(benches).join(', ')}\n`);
  process.exit(2);
}
const root = join(import.meta.dirname, '../../..');
const results = join(root, 'bench-results');
const baselines = join(root, 'test/bench/baseline');
const comparisons: string[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (names.length > 0 ? !names.includes(name) : onRequestOnly.includes(name)) continue;
  const [load = 0] = loadavg();
  const machine = { cores: cpus().length, cpu: cpus()[0]?.model ?? 'unknown', node: process.version, load };
  const table = await bench((line) => void process.stderr.write(`  ${line}\n`), options);
  const saved: SavedTable = { ...table, machine };
  process.stdout.write(`${renderTable(table)}\n`);
  save(results, saved);
  const file = join(baselines, `${name}.json`);
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SavedTable) : null;
  if (compare && table.better !== undefined) comparisons.push(comparisonText(before, saved, Number(tolerance)));
  if (baseline && table.better !== undefined) save(baselines, saved);
}
if (comparisons.length > 0) process.stdout.write(`${comparisons.join('\n')}\n`);

function save(folder: string, table: SavedTable): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${table.name}.json`), `${JSON.stringify(table, null, 2)}\n`);
}
