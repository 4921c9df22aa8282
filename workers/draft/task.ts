/** What the teacher's answers are, and which of them are distilled. Pure. */
import type { Undecided } from './outcome.js';
import { ask, refuse } from './outcome.js';
import type { Opened, OutputSetting, Seen, SeenOutput, Task, Trial } from './seen.js';

export interface OutputChoice {
  /** What a job must say so that one row of numbers a sample is read. */
  readonly output: OutputSetting;
  readonly why: string;
}

/** Names of outputs in the order in which they are preferred. */
const usualNames = [
  'logits',
  'sentence_embedding',
  'embeddings',
  'embedding',
  'image_embeds',
  'text_embeds',
  'probabilities',
  'output_probability',
  'last_hidden_state',
  'token_embeddings',
];
const embeddingName = /embed|feature|pool|hidden|vector|^z$/i;
const className = /logit|prob|class|score|softmax|label/i;

export function outputOf({ asked, teacher }: Seen, path: string): OutputChoice | Undecided {
  const outputs = teacher?.outputs ?? [];
  const floats = outputs.filter(({ isFloat }) => isFloat);
  const usual = usualNames
    .map((name) => floats.find((output) => output.name === name))
    .find((each) => each !== undefined);
  const [only, another] = floats;
  if (only === undefined) {
    const names = outputs.map(({ name }) => name).join(', ');
    return refuse(
      path,
      `none of its outputs (${names}) holds floating-point numbers`,
      'export the model with its logits or probabilities (for scikit-learn: zipmap off)',
    );
  }
  const chosen =
    asked.answer === undefined
      ? another === undefined
        ? only
        : usual
      : floats.find(({ name }) => name === asked.answer);
  if (asked.answer !== undefined && chosen === undefined) {
    return refuse(
      '--answer',
      `there is no output ${asked.answer} of floating-point numbers`,
      `name one of ${floats.map(({ name }) => name).join(', ')}`,
    );
  }
  if (chosen === undefined) {
    return ask({
      option: 'answer',
      what: 'which output of the teacher is distilled',
      why: `it has ${String(floats.length)} of floating-point numbers`,
      choices: floats.map(({ name, shape }) => ({ value: name, words: shapeText(shape) })),
    });
  }
  const named = another === undefined ? {} : { name: chosen.name };
  const isTokens = squeezed(chosen).length === 3;
  return {
    output: { ...named, ...(isTokens ? { kind: 'Embedding', pooling: 'Mean' } : {}) },
    why: isTokens
      ? 'it answers a vector for each token: their mean is the embedding of the text'
      : another === undefined
        ? 'its only answer'
        : `of its outputs ${floats.map(({ name }) => name).join(', ')}`,
  };
}

function shapeText(shape: SeenOutput['shape']): string {
  return `[${shape.map((axis, at) => axis ?? (at === 0 ? 'N' : '?')).join(', ')}]`;
}

/** Without the axes of length 1 after the second. */
function squeezed({ shape }: SeenOutput): SeenOutput['shape'] {
  let end = shape.length;
  while (end > 2 && shape[end - 1] === 1) end--;
  return shape.slice(0, end);
}

export interface TaskChoice {
  readonly task: Task;
  /** Whether each class has a probability of its own. */
  readonly several: boolean;
  /** What the model's answers were recognized as. */
  readonly recognized: Extract<Trial, { ok: true }>['kind'];
  readonly why: string;
}

/** @param chosen the output; null = the only one */
export function taskOf(
  { asked, teacher }: Seen,
  { output }: OutputChoice,
  target: Opened['target'],
  trial: Extract<Trial, { ok: true }>,
): TaskChoice | Undecided {
  const several = trial.kind === 'Sigmoid' || target?.kind === 'classes';
  const choice = (task: Task, why: string): TaskChoice => ({
    task,
    several: task === 'classes' && several,
    recognized: trial.kind,
    why,
  });
  if (asked.task !== undefined) return choice(asked.task, 'as --task says');
  if (output.pooling !== undefined) return choice('embedding', 'a vector for each token is no class');
  if (target?.kind === 'values') return choice('numbers', 'the label holds numbers');
  if (trial.kind === 'Probabilities')
    return choice('classes', 'the teacher answers probabilities that sum to 1 (softmax)');
  if (trial.kind === 'Sigmoid')
    return choice('classes', 'the teacher answers one probability for each class (sigmoid)');
  if (target !== null) return choice('classes', 'the labels are classes');
  if (trial.columns === 1) return choice('numbers', 'the teacher answers one number');
  if (trial.unit) return choice('embedding', 'every answer has the length 1');
  const name = output.name ?? teacher?.outputs.find(({ isFloat }) => isFloat)?.name ?? '';
  if (teacher?.beside.classes?.length === trial.columns) return choice('classes', 'config.json names as many classes');
  if (className.test(name)) return choice('classes', `the output is named ${name}`);
  if (embeddingName.test(name)) return choice('embedding', `the output is named ${name}`);
  return ask({
    option: 'task',
    what: `what the teacher's ${String(trial.columns)} numbers are`,
    why: 'there are no labels, and the file does not say it',
    choices: [
      { value: 'classes', words: 'logits, one for each class' },
      { value: 'embedding', words: 'a vector whose direction matters' },
      { value: 'numbers', words: 'numbers to be learned as they are' },
    ],
  });
}
