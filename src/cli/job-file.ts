/** The DistillJobs of a file, checked for what will run them. */
import { dirname, resolve } from 'node:path';

import { readUri, uriText } from '@distillery/protocol';

import {
  type DistillJob,
  type Engine,
  formatProblems,
  locateProblems,
  type Problem,
  readJob,
  type ReadObject,
  readObjects,
  unsupported,
} from '../api/index.js';

import { CliError } from './exit.js';
import { defaultOperatorSettings, type OperatorSettings, operatorVerdict } from './operator-settings.js';

/**
 * The one job of a text, its relative uris made absolute: they are relative to the folder of the file.
 * @param path as the person gave it; `-` for standard input, whose uris are relative to the working folder
 * @param nameSuffix completes `metadata.generateName`
 * @throws CliError when it is not a job that a local run takes; the message holds every problem
 */
export function localJob(text: string, path: string, nameSuffix: string): DistillJob {
  const options = { sourceName: nameOf(path), nameSuffix };
  const read = readJob(text, options);
  const problems: readonly Problem[] = read.ok
    ? locateProblems(unsupported(read.job, 'local'), text, options)
    : read.problems;
  if (!read.ok || problems.length > 0) throw refusal(problems);
  return withAbsoluteUris(read.job, path === '-' ? '.' : dirname(path));
}

/** What `distill validate` says of a text: lines for standard output, in order. */
export interface Validated {
  readonly lines: readonly string[];
  /** Of jobs that none of the engines takes. */
  readonly problems: readonly Problem[];
}

const engines: readonly Engine[] = ['local', 'cluster'];
const engineNames: Readonly<Record<Engine, string>> = { local: 'distill run', cluster: 'a cluster' };

/** Which operator a job is checked for. */
export interface AskedOperator {
  readonly settings: OperatorSettings;
  /** Of a job that names none. */
  readonly namespace: string;
}
const anyOperator: AskedOperator = { settings: defaultOperatorSettings, namespace: 'default' };

/**
 * Checks every job of a text for each engine. A job is valid when at least one of them can run it.
 * @param engine checks for this one alone
 * @param operator of the cluster; absent = one with the default settings
 */
export function validated(text: string, path: string, engine?: Engine, operator = anyOperator): Validated {
  const sourceName = nameOf(path);
  const read = readObjects(text, { sourceName });
  if (!read.ok) return { lines: [], problems: read.problems };
  const all = read.objects.map((object) =>
    judged(object, sourceName, engine === undefined ? engines : [engine], operator),
  );
  return { lines: all.flatMap(({ lines }) => lines), problems: all.flatMap(({ problems }) => problems) };
}

function judged(
  object: ReadObject,
  sourceName: string,
  asked: readonly Engine[],
  { settings, namespace }: AskedOperator,
): Validated {
  if (object.kind === 'Other')
    return { lines: [`${sourceName}: ${object.title} is no DistillJob: not checked`], problems: [] };
  const { checked, locate } = object;
  if (!checked.ok) return { lines: [], problems: checked.problems };
  const { name, generateName } = checked.job.metadata;
  const title = `${sourceName}: DistillJob ${generateName !== undefined && name.startsWith(generateName) ? `${generateName}…` : name}`;
  const operator = operatorVerdict(checked.job, settings, namespace);
  const found = asked.map((engine) => {
    const problems = unsupported(checked.job, engine);
    return { engine, problems: locate(engine === 'cluster' ? [...problems, ...operator.problems] : problems) };
  });
  const fitting = found.filter(({ problems }) => problems.length === 0).map(({ engine }) => engineNames[engine]);
  const refusing = found.filter(({ problems }) => problems.length > 0);
  const notes = fitting.includes(engineNames.cluster) ? operator.notes.map((note) => `  in a cluster, ${note}`) : [];
  if (refusing.length === 0) return { lines: [`${title} is valid`, ...notes], problems: [] };
  if (fitting.length === 0) return { lines: [], problems: unique(refusing.flatMap(({ problems }) => problems)) };
  return {
    lines: [
      `${title} is valid for ${fitting.join(' and ')}`,
      ...notes,
      ...refusing.flatMap(({ engine, problems }) => [
        `${engineNames[engine]} refuses it:`,
        '',
        ...formatProblems(problems).trimEnd().split('\n'),
      ]),
    ],
    problems: [],
  };
}

/** Its message is the report of `distill validate`, with one paragraph a problem. */
export class JobRefused extends CliError {
  override readonly kind = 'JobRefused';

  constructor(problems: readonly Problem[]) {
    super('badInput', { faults: problems.map(({ path, fault }) => ({ ...fault, about: path })), remedy: '' });
    this.message = formatProblems(problems).trimEnd();
  }
}

/** @returns an error that holds every problem */
export function refusal(problems: readonly Problem[]): CliError {
  return new JobRefused(problems);
}

/** Both engines may say the same of a field. */
function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}

function withAbsoluteUris(job: DistillJob, folder: string): DistillJob {
  const absolute = (text: string): string => {
    const read = readUri(text);
    if (!read.ok || read.value.scheme !== 'file') return text;
    const uri = uriText({ scheme: 'file', path: resolve(folder, read.value.path) });
    if (readUri(uri).ok) return uri;
    throw new CliError('badInput', {
      about: JSON.stringify(resolve(folder)),
      problem: 'no uri can hold the name of this folder',
      remedy: 'rename or move it',
    });
  };
  const { dataset, teacher, student } = job.spec;
  return {
    ...job,
    spec: {
      ...job.spec,
      dataset: { ...dataset, uri: absolute(dataset.uri) },
      teacher: { ...teacher, model: { ...teacher.model, uri: absolute(teacher.model.uri) } },
      student: { ...student, model: { ...student.model, uri: absolute(student.model.uri) } },
    },
  };
}
