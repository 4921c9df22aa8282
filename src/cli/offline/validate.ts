/** `distill validate`: checks every DistillJob of a file for the engines that may run it. */
import {
  type DistillJob,
  type Engine,
  type Problem,
  problemParagraphs,
  type ReadObject,
  readObjects,
  unsupported,
} from '../../api/index.js';

import { inputName } from '../shared/input.js';

import { defaultOperatorSettings, type OperatorSettings, operatorVerdict } from './operator-settings.js';

export interface Validated {
  /** For standard output. */
  readonly lines: readonly string[];
  /** Of the jobs that no engine accepts. */
  readonly problems: readonly Problem[];
}

const engines: readonly Engine[] = ['local', 'cluster'];
const engineNames: Readonly<Record<Engine, string>> = { local: 'distill run', cluster: 'a cluster' };
const inEngine: Readonly<Record<Engine, string>> = { local: 'with distill run', cluster: 'in a cluster' };

/** The operator that a job is checked for. */
export interface TargetOperator {
  readonly settings: OperatorSettings;
  /** The namespace of a job that names none. */
  readonly namespace: string;
}
const defaultOperator: TargetOperator = { settings: defaultOperatorSettings, namespace: 'default' };

/**
 * Checks every job of a text for each engine. A job is valid when at least one engine can run it.
 * @param path where the text comes from, as the person gave it
 * @param engine the only engine to check for
 */
export function validated(text: string, path: string, engine?: Engine, operator = defaultOperator): Validated {
  const sourceName = inputName(path);
  const read = readObjects(text, { sourceName });
  if (!read.ok) return { lines: [], problems: read.problems };
  const all = read.objects.map((object) =>
    judge(object, sourceName, engine === undefined ? engines : [engine], operator),
  );
  return { lines: all.flatMap(({ lines }) => lines), problems: all.flatMap(({ problems }) => problems) };
}

function judge(
  object: ReadObject,
  sourceName: string,
  wanted: readonly Engine[],
  { settings, namespace }: TargetOperator,
): Validated {
  if (object.kind === 'Other')
    return { lines: [`${sourceName}: ${object.title} is not a DistillJob: not checked`], problems: [] };
  const { checked, locate } = object;
  if (!checked.ok) return { lines: [], problems: checked.problems };
  const { name, generateName } = checked.job.metadata;
  const called = `DistillJob ${generateName !== undefined && name.startsWith(generateName) ? `${generateName}…` : name}`;
  const title = `${sourceName}: ${called}`;
  const operator = operatorVerdict(checked.job, settings, namespace);
  const found = wanted.map((engine) => {
    const problems = unsupported(checked.job, engine);
    return { engine, problems: locate(engine === 'cluster' ? [...problems, ...operator.problems] : problems) };
  });
  const fitting = found.filter(({ problems }) => problems.length === 0).map(({ engine }) => engineNames[engine]);
  const refusing = found.filter(({ problems }) => problems.length > 0);
  const notes = [
    ...fitting.flatMap((engine) => runtimeNotes(checked.job, engine)),
    ...(fitting.includes(engineNames.cluster) ? operator.notes.map((note) => `  in a cluster, ${note}`) : []),
  ];
  if (refusing.length === 0) return { lines: [`${title} is valid`, ...notes], problems: [] };
  if (fitting.length === 0) return { lines: [], problems: unique(refusing.flatMap(({ problems }) => problems)) };
  return {
    // The verdict is the last line, which stays on the screen: a valid job must not seem to be refused.
    lines: [
      ...refusing.flatMap(({ engine, problems }) => [
        `To run ${called} ${inEngine[engine]}, change these:`,
        '',
        ...problemParagraphs(problems).split('\n'),
      ]),
      `${title} is valid for ${fitting.join(' and ')}`,
      ...notes,
    ],
    problems: [],
  };
}

const tensorflow: Readonly<Record<string, string>> = {
  [engineNames.local]: 'where `npm run native` built it',
  [engineNames.cluster]: 'so its teachers need the image worker-native (docs/models.md)',
};

/** What a machine must have for the job's models, which validation cannot see. */
function runtimeNotes({ spec: { teacher } }: DistillJob, engine: string): readonly string[] {
  const models = [teacher, ...(teacher.ensemble?.members ?? [])];
  if (!models.some(({ model }) => model.format === 'saved-model')) return [];
  const where = engine === engineNames.local ? `with ${engine}` : `in ${engine}`;
  return [`  ${where}, TensorFlow (runtime native) computes its SavedModel, ${tensorflow[engine] ?? ''}`];
}

/** Drops repeated problems: both engines may refuse the same field. */
function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()];
}
