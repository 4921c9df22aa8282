/**
 * Packages the chart of an earlier commit for the test of upgrades, test/cluster/chart/upgrade.test.ts. Run it at a release, with
 * the tag of the release before it, and replace the file that the test names:
 *
 *   node scripts/previous-chart.ts COMMIT
 *
 * A file instead of the history, because checkouts of CI have none.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { buildTools, helmTools } from '../dist/test/kit/cluster/tools.js';
import { helm } from '../dist/test/kit/cluster/helm.js';

const root = join(import.meta.dirname, '..');
const [commit = ''] = process.argv.slice(2);
if (commit === '') {
  process.stderr.write('usage: node scripts/previous-chart.ts COMMIT\n');
  process.exit(2);
}
await buildTools({ groups: [helmTools] });
const folder = mkdtempSync(join(tmpdir(), 'distillery-previous-chart-'));
try {
  const archive = execFileSync('git', ['archive', commit, 'charts/distillery'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  const destination = join(root, 'test/cluster/chart/fixtures');
  process.stdout.write(await helm(['package', join(folder, 'charts/distillery'), '--destination', destination]));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
