/**
 * Workers that only behave: small Node scripts in a temporary folder. The attempts of a role follow `<role>.plan`, one line
 * each, the last line for all that come after: `run`, `exit CODE WORDS`, `stubborn` (deaf to SIGTERM), `careless` (deaf
 * to the end of its owner).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const script = (role: string): string => `
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const folder = process.env.DISTILL_FOLDER;
const note = join(folder, '${role}.notes');
appendFileSync(note, JSON.stringify({ pid: process.pid, environment: process.env, argv: process.argv.slice(2) }) + '\\n');
const attempt = readFileSync(note, 'utf8').trim().split('\\n').length;
const plan = readFileSync(join(folder, '${role}.plan'), 'utf8').trim().split('\\n');
const [verb, code, ...words] = plan[Math.min(attempt, plan.length) - 1].split(' ');
if (verb === 'exit') {
  if (words.length > 0) writeFileSync(process.env.DISTILL_TERMINATION_LOG, words.join(' '));
  process.exit(Number(code));
}
process.on('SIGTERM', () => (verb === 'stubborn' ? console.log('asked') : process.exit(143)));
if (verb !== 'careless') process.stdin.on('end', () => process.exit(143)).resume();
setInterval(() => undefined, 1_000);
console.log('ready');
`;

export class WorkerScripts {
  readonly folder = mkdtempSync(join(tmpdir(), 'distill-cluster-'));
  readonly scripts = { teacher: join(this.folder, 'teacher.mjs'), student: join(this.folder, 'student.mjs') };

  constructor(plans: { readonly teacher?: readonly string[]; readonly student?: readonly string[] } = {}) {
    mkdirSync(join(this.folder, 'logs'));
    for (const role of ['teacher', 'student'] as const) {
      writeFileSync(this.scripts[role], script(role));
      writeFileSync(join(this.folder, `${role}.plan`), (plans[role] ?? ['run']).join('\n'));
    }
  }

  file(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** What each process of a role wrote down when it began. */
  notes(role: 'teacher' | 'student'): { pid: number; environment: Record<string, string>; argv: string[] }[] {
    const lines = readFileSync(this.file(`${role}.notes`), 'utf8')
      .trim()
      .split('\n');
    return lines.map((line) => JSON.parse(line) as ReturnType<WorkerScripts['notes']>[number]);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
