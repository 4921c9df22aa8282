/** `distill init`: writes a job for the teacher and the data that lie in a folder. */
import { lstatSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';

import { alternatives, type Clock } from '@distillery/base';
import { readFaultOf, sweepHalfWrittenSync, writeNewSync } from '@distillery/platform';

import { readJob, unsupported } from '../../api/index.js';

import { CliError } from '../shared/cli-error.js';
import { JobRefused } from '../shared/job-refused.js';
import type { Ending } from '../shared/exit.js';
import { shellCommand } from '../shared/shell-words.js';
import type { StopRequest } from '../shared/stop.js';

import { askPerson, type Person } from './ask.js';
import { inspectFiles } from './inspect.js';
import { type Asked, type AskedName, type InitReply, optionOf, pathNames, type Question } from './request.js';

export interface InitOptions {
  readonly folder: string;
  /** Path of the job's file; absent = job.yaml in the folder. */
  readonly output?: string;
  readonly asked: Asked;
}

/** What `distill init` takes from the outside. */
export interface InitNeeds {
  readonly say: (line: string) => void;
  readonly stop: StopRequest;
  readonly clock: Clock;
  /** How this person calls `distill`: words for a shell. */
  readonly command: string;
  readonly scripts: { readonly init: string };
  readonly environment: Readonly<Record<string, string>>;
  /** Who answers questions; null = standard input or output is no terminal. */
  readonly person: Person | null;
}

/** A run of answers longer than this asks the same thing again. */
const mostQuestions = 32;

/** @throws CliError: badInput, usage where something is open and there is no terminal to ask at, storage */
export async function init(options: InitOptions, needs: InitNeeds): Promise<Ending> {
  try {
    return await written(options, needs);
  } finally {
    // A terminal that was read from would keep the process alive.
    needs.person?.input.destroy();
  }
}

async function written({ folder: given, output, asked: said }: InitOptions, needs: InitNeeds): Promise<Ending> {
  const { stop, scripts, environment, person, clock } = needs;
  const folder = resolve(given);
  const file = resolve(output ?? join(given, 'job.yaml'));
  refuseExisting(file);
  let asked = said;
  for (let questions = 0; questions < mostQuestions; questions++) {
    const { DISTILL_RUNTIME: runtime = 'auto', DISTILL_NATIVE_FOLDER: native = 'none' } = environment;
    const nativeFolder = native === 'none' || native === '' ? null : native;
    const request = { folder, jobFolder: dirname(file), runtime, nativeFolder, asked };
    const reply = await inspectFiles(request, { script: scripts.init, environment, stop: stop.signal, clock });
    if (reply === null) return stop.ending;
    if (reply.kind === 'refuse') throw new CliError(endingOf(reply.ending), asFault(reply.sentence));
    if (reply.kind === 'job') {
      write(file, reply, needs);
      return 'ok';
    }
    const answer = await answerTo(reply.question, person, stop);
    if (answer === null) return stop.ending;
    asked = { ...asked, ...answer };
  }
  throw new CliError('failed', { about: 'distill init', problem: 'it asks without end', remedy: 'report it as a bug' });
}

/** The sentence of another process is whole. */
function asFault(sentence: string): { readonly about: ''; readonly problem: string; readonly remedy: '' } {
  return { about: '', problem: sentence, remedy: '' };
}

function endingOf(ending: Extract<InitReply, { kind: 'refuse' }>['ending']): Exclude<Ending, 'ok'> {
  return ending === 'terminal' ? 'badInput' : ending === 'storage' ? 'storage' : 'failed';
}

async function answerTo(question: Question, person: Person | null, stop: StopRequest): Promise<Asked | null> {
  const { option, choices } = question;
  const shown = (value: string): string => shownValue(option, value);
  if (person === null) throw noPersonToAsk(question, shown);
  const at = await askPerson(question, shown, person, stop.signal);
  const chosen = at === null ? undefined : choices[at];
  if (chosen !== undefined) return { [option]: option === 'inputs' ? [chosen.value] : chosen.value };
  if (stop.signal.aborted) return null;
  throw noPersonToAsk(question, shown);
}

/** Paths as the person would write them. */
function shownValue(option: AskedName, value: string): string {
  if (!pathNames.has(option)) return value;
  const inside = relative('.', value);
  return inside === '' || inside.startsWith('..') ? value : inside;
}

function noPersonToAsk({ option, what, why, choices }: Question, shown: (value: string) => string): CliError {
  const all = choices.map(({ value, words }) => {
    const text = shellCommand([shown(value)]);
    return words === '' ? text : `${text} (${words})`;
  });
  return new CliError('usage', {
    about: 'distill init',
    problem: `it cannot infer ${what}: ${why}`,
    remedy: `add ${optionOf[option]} with ${alternatives(all)}`,
  });
}

/** @throws CliError: what a person wrote is never replaced */
function refuseExisting(file: string): void {
  try {
    lstatSync(file);
  } catch {
    return;
  }
  throw exists(file);
}

function exists(file: string): CliError {
  return new CliError('badInput', {
    about: file,
    problem: 'the file exists, and distill init replaces none',
    remedy: 'move it away, or name another file with --output FILE',
  });
}

function write(
  file: string,
  { text, summary }: Extract<InitReply, { kind: 'job' }>,
  { say, command }: InitNeeds,
): void {
  const read = readJob(text, { sourceName: file });
  if (!read.ok) throw new JobRefused(read.problems);
  const problems = unsupported(read.job, 'local');
  if (problems.length > 0) throw new JobRefused(problems);
  sweepHalfWrittenSync(dirname(file), { isOwn: (target) => target === basename(file) });
  try {
    writeNewSync(file, text);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') throw exists(file);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    const { found, remedy } = readFaultOf(error, dirname(file));
    throw new CliError(
      'badInput',
      { about: `--output ${file}`, found, expected: 'a folder for the job', remedy },
      { cause: error },
    );
  }
  const path = shellCommand([shownFile(file)]);
  say(`${shownFile(file)} is written:`);
  for (const [word, sentence] of summary) say(`  ${word.padEnd(10)}${sentence}`);
  say('Its comments say why. Next:');
  say(`  ${command} validate ${path}`);
  say(`  ${command} run ${path}`);
}

function shownFile(file: string): string {
  const inside = relative('.', file);
  return inside.startsWith('..') ? file : inside;
}
