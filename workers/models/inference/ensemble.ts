/**
 * Several models that answer as one teacher: each is opened by its own settings, and their answers are averaged as the
 * student's loss compares them (mean.ts, docs/adr/0045-ensembles-and-texts.md).
 *
 * Invariants:
 *  ensemble/E1 The digest covers every member's digest and weight, their order, and how they are averaged.
 *  ensemble/E2 Members compute one after the other, so that one batch of inputs is in memory at a time.
 */
import { createHash } from 'node:crypto';

import { count } from '@distillery/base';

import { LogitsError, ModelError } from './errors.js';
import type { ModelSession, Inference, ModelFile, ModelFormat } from './inference.js';
import type { Samples } from '../../samples/index.js';
import { type Mean, meanOf, meanText } from './mean.js';
import { joinedTexts } from './texts.js';
import { digestBytes, type InferenceSource, type ModelSource, openInference, shortened } from './open.js';

export interface EnsembleSource {
  readonly mean: Mean;
  /** Of the first model. */
  readonly weight: number;
  /** The further ones. */
  readonly members: readonly (ModelSource & { readonly name: string; readonly weight: number })[];
}

/** What a teacher process opens: one model, or an ensemble whose first model it is. */
export interface TeacherSource extends InferenceSource {
  /** Absent = one model alone. */
  readonly ensemble?: EnsembleSource;
}

/** Of all its models. */
export function formatsOf({ format, ensemble }: TeacherSource): ReadonlySet<ModelFormat> {
  return new Set([format, ...(ensemble?.members ?? []).map((member) => member.format)]);
}

type OpenSession = (file: ModelFile) => Promise<ModelSession>;

/** The name of `teacher.model` among the members, in messages. */
const firstName = 'teacher.model';

interface Member {
  readonly name: string;
  readonly path: string;
  readonly weight: number;
  readonly model: Inference;
}

/** @throws what `openInference` throws; ModelError for members whose answers cannot be averaged */
export async function openTeacher({ ensemble, ...first }: TeacherSource, openSession: OpenSession): Promise<Inference> {
  if (ensemble === undefined) return openInference(first, openSession);
  const { inputs, dataIdentity, threads } = first;
  const shared = { inputs, threads, isMember: true, ...(dataIdentity === undefined ? {} : { dataIdentity }) };
  const sources = [
    { name: firstName, weight: ensemble.weight, source: { ...first, ...shared } },
    ...ensemble.members.map(({ name, weight, ...source }, at) => {
      const setting = `teacher.ensemble.members[${String(at)}]`;
      return { name: `member ${name}`, weight, source: { ...source, ...shared, setting } };
    }),
  ];
  const members: Member[] = [];
  const close = async (): Promise<void> => {
    for (const { model } of members) await model.close();
  };
  try {
    for (const { name, weight, source } of sources) {
      members.push({ name, path: source.path, weight, model: await openInference(source, openSession) });
    }
    checkMembers(members);
    return { ...joined(members, ensemble.mean), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws ModelError for a member of another width, or one that answers embeddings where another does not */
function checkMembers(members: readonly Member[]): void {
  const [first, ...others] = members;
  for (const { path, name, model } of others) {
    if (first === undefined) break;
    if (model.columns !== first.model.columns) {
      throw new ModelError({
        path,
        found: `${count(model.columns, 'column')} in the answers of ${name}`,
        expected: `${String(first.model.columns)}, as ${first.name} has (${first.path})`,
        remedy: 'select the same columns of each model with output.columns, or leave this model out',
      });
    }
    if ((model.kind === 'Embedding') !== (first.model.kind === 'Embedding')) {
      throw new ModelError({
        path,
        found: `answers of kind ${model.kind}`,
        expected: `${first.model.kind}, as ${first.name} has (${first.path})`,
        remedy: 'set output.kind of both alike, or leave this model out',
      });
    }
  }
}

function joined(members: readonly Member[], mean: Mean): Omit<Inference, 'close'> {
  const columns = members[0]?.model.columns ?? 0;
  const digest = digestOf(members, mean);
  return {
    columns,
    digest,
    digestHex: Buffer.from(digest).toString('hex'),
    description: descriptionOf(members, mean),
    notes: members.flatMap(({ name, model }) => model.notes.map((note) => `${name}: ${note}`)),
    kind: members[0]?.model.kind ?? 'Logits',
    textsOf: (samples) => joinedTexts(members.map(({ model }) => model.textsOf(samples))),
    members: members.map(({ name, model }) => ({
      name,
      columns,
      infer: (samples) => answersOf({ name, model }, samples),
      textsOf: (samples) => model.textsOf(samples),
    })),
    infer: async (samples) => {
      const answers: { weight: number; logits: Float32Array }[] = [];
      for (const member of members) answers.push({ weight: member.weight, logits: await answersOf(member, samples) });
      return meanOf(mean, answers, columns);
    },
  };
}

/** @throws LogitsError that names the member */
async function answersOf({ name, model }: Pick<Member, 'name' | 'model'>, samples: Samples): Promise<Float32Array> {
  try {
    return await model.infer(samples);
  } catch (error) {
    if (!(error instanceof LogitsError)) throw error;
    const { row, column, value } = error;
    throw new LogitsError({ row, column, value, member: name }, { cause: error });
  }
}

/** ensemble/E1 */
function digestOf(members: readonly Member[], mean: Mean): Uint8Array {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(['ensemble', meanText(mean), members.map(({ weight }) => weight)]));
  for (const { model } of members) hash.update(model.digest);
  return Uint8Array.from(hash.digest().subarray(0, digestBytes));
}

function descriptionOf(members: readonly Member[], mean: Mean): string {
  const each = members.map(({ model }) => model.description);
  const [first = ''] = each;
  const models = each.every((text) => text === first) ? `each ${first}` : each.join('; ');
  return shortened(`ensemble of ${String(members.length)}, ${meanText(mean)}: ${models}`);
}
