/**
 * Makes all artifacts of a release without publishing them; docs/release.md describes the next steps. The release workflow
 * and `make release-dry-run` both run it. Runs after a build.
 *
 *   node scripts/release.ts                 as `make release-dry-run` does
 *   node scripts/release.ts --tag v0.2.0    also: the tag names the version, and CHANGELOG.md holds nothing unreleased
 *   … --registry ghcr.io/owner              the chart names the images of that registry
 *
 * Writes into dist/release, which it empties first: each public package, the command and the chart as `.tgz`, a CycloneDX SBOM of each
 * image's packages and of each public package, `notes.md`, and `SHA256SUMS` over all but the notes.
 * Exit codes: 0 done; 1 something is not ready: prints one line for each problem and writes nothing.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { buildTools, helmTools } from '../dist/test/kit/cluster/tools.js';
import { chartFolder, helm } from '../dist/test/kit/cluster/helm.js';

import { changesIn, type Changes } from './changelog.ts';
import { stageChart } from './release-chart.ts';
import { writeSboms } from './sbom.ts';
import { manifestOf, publicPackages } from './workspaces.ts';

const root = join(import.meta.dirname, '..');
const out = join(root, 'dist/release');

function npm(args: readonly string[]): string {
  return execFileSync('npm', ['--loglevel=error', ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** @returns a line for each reason why `version` cannot be released */
function problems(version: string, { notes, unreleased }: Changes, tag: string | undefined): string[] {
  const found: string[] = [];
  if (notes === '') {
    found.push(`CHANGELOG.md: no section "## ${version}". Write one: it becomes the release notes.`);
  }
  if (tag === undefined) return found;
  if (tag !== `v${version}`) {
    found.push(
      `tag ${tag}: package.json has version ${version}. Set it there, run npm run generate, and tag that commit.`,
    );
  }
  if (unreleased !== '') found.push(`CHANGELOG.md: "Unreleased" is not empty. Move its entries to "## ${version}".`);
  return found;
}

function writeSums(): void {
  const lines = readdirSync(out)
    .toSorted()
    .map((file) => {
      const sum = createHash('sha256')
        .update(readFileSync(join(out, file)))
        .digest('hex');
      return `${sum}  ${file}\n`;
    });
  writeFileSync(join(out, 'SHA256SUMS'), lines.join(''));
}

const { tag, registry = null } = parseArgs({
  options: { tag: { type: 'string' }, registry: { type: 'string' } },
}).values;
const { version } = manifestOf('.');
const changes = changesIn(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version);
const notReady = problems(version, changes, tag);
if (notReady.length > 0) {
  for (const problem of notReady) process.stderr.write(`${problem}\n`);
  process.exit(1);
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const folder of publicPackages()) {
  npm(['pack', `--workspace=${folder}`, `--pack-destination=${out}`]);
}
execFileSync(process.execPath, [join(root, 'scripts/npm-package.ts'), join(root, 'dist/npm')]);
cpSync(join(root, `dist/npm/distillery-command-${version}.tgz`), join(out, `distillery-command-${version}.tgz`));
await buildTools({ groups: [helmTools] });
const staged = stageChart({ source: chartFolder, registry, version });
await helm(['package', staged, '--destination', out]);
rmSync(dirname(staged), { recursive: true });
writeSboms(out);
writeSums();
writeFileSync(join(out, 'notes.md'), `${changes.notes}\n`);
for (const file of readdirSync(out).toSorted()) process.stdout.write(`dist/release/${file}\n`);
