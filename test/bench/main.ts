/**
 * `npm run bench [name …] [-- --option value …]`: prints a table for each benchmark and writes bench-results/<name>.json.
 * Each benchmark reads its own options.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { binaryTablesBench } from './binary-tables.js';
import { elasticBench } from './elastic.js';
import { fleetBench } from './fleet.js';
import { starvingStudentBench } from './starving-student.js';
import { killBench } from './kill.js';
import { ledgerBench } from './ledger.js';
import { pipelineBench } from './pipeline.js';
import { realBench } from './real/real.js';
import { scaleBench } from './scale.js';
import { shareBench } from './share.js';
import { type BenchOptions, type BenchTable, renderTable } from './table.js';
import { tablesBench } from './tables.js';
import { trainerBench } from './trainer.js';

const benches: Readonly<Record<string, (say: (line: string) => void, options: BenchOptions) => Promise<BenchTable>>> = {
  trainer: trainerBench,
  pipeline: pipelineBench,
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
};

/** Run only when named: they take up to an hour or more and need a control plane built from source. */
const onRequestOnly = ['scale', 'starving', 'real'];

const { values: options, positionals: names } = parseArgs({
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
  },
});
const unknown = names.filter((name) => !(name in benches));
if (unknown.length > 0) {
  process.stderr.write(`found ${unknown.join(', ')}, expected some of ${Object.keys(benches).join(', ')}\n`);
  process.exit(2);
}
const folder = join(import.meta.dirname, '../../../bench-results');
mkdirSync(folder, { recursive: true });
const machine = { cores: cpus().length, cpu: cpus()[0]?.model ?? 'unknown', node: process.version };
for (const [name, bench] of Object.entries(benches)) {
  if (names.length > 0 ? !names.includes(name) : onRequestOnly.includes(name)) continue;
  const table = await bench((line) => void process.stderr.write(`  ${line}\n`), options);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ ...table, machine }, null, 2)}\n`);
  process.stdout.write(`${renderTable(table)}\n`);
}
