/**
 * Fails on commits whose subject is not `area: what changes` in at most 72 characters (CONTRIBUTING.md, "Commits").
 * Merge commits are not checked. CI runs it for pull requests.
 *
 *   node scripts/commit-subjects.ts origin/main..HEAD
 *   git log -1 --format=%s | node scripts/commit-subjects.ts -      one subject a line
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

const longest = 72;

/** @returns what is wrong with a subject; null when nothing is */
function problemOf(subject: string): string | null {
  if (subject.length > longest) {
    return `${String(subject.length)} characters. Use at most ${String(longest)}; the why goes into the body.`;
  }
  if (!/^[a-z][a-z0-9-]*(?:, [a-z][a-z0-9-]*)*: \S/.test(subject)) {
    return 'no area. Begin with one, as in "stream: retry a publish that got no answer".';
  }
  if (subject.endsWith('.')) return 'ends with a period. Leave it out.';
  return null;
}

function subjects(range: string): string[] {
  if (range === '-') return readFileSync(0, 'utf8').split('\n');
  // The range comes from CI: an argument that looks like an option must not become one.
  return execFileSync('git', ['log', '--no-merges', '--format=%s', '--end-of-options', range], {
    encoding: 'utf8',
  }).split('\n');
}

const [range] = process.argv.slice(2);
if (range === undefined) {
  process.stderr.write('usage: node scripts/commit-subjects.ts RANGE | -\n');
  process.exit(64);
}
for (const subject of subjects(range).filter((line) => line !== '')) {
  const problem = problemOf(subject);
  if (problem === null) continue;
  process.stderr.write(`${subject}\n  ${problem}\n`);
  process.exitCode = 1;
}
