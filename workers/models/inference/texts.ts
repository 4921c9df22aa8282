/**
 * The texts of a self-test (design §4): what a teacher read of the data set, and what its tokens say. They are compared as
 * digests, because samples do not travel (docs/protocol.md), and no sentence shows a text. Pure.
 */
import type { Fault } from '@distillery/base';
import type { Reference } from '@distillery/protocol';

import type { Samples } from '../../samples/index.js';
import type { ReadBack } from '../../inputs/index.js';
import { digestOfTexts, readTexts } from '../text-digests.js';

/** One sample's texts. */
export interface SeenText {
  /** Digest of all its texts, as the data set gives them. */
  readonly read: string;
  /** Digest of what the model's tokens say. */
  readonly decoded: string;
  /** Largest share of a text that its tokens do not hold. */
  readonly lost: number;
}

/** @param back of each sample, one for each text that the model takes */
export function seenTexts(samples: Samples, back: readonly (readonly ReadBack[])[]): readonly SeenText[] | null {
  return (
    readTexts(samples)?.map((read, row) => ({
      read,
      decoded: digestOfTexts((back[row] ?? []).map(({ decoded }) => decoded)),
      lost: Math.max(0, ...(back[row] ?? []).map(({ lost }) => lost)),
    })) ?? null
  );
}

/** The texts of an ensemble: every member's tokens count. */
export function joinedTexts(members: readonly (readonly SeenText[] | null)[]): readonly SeenText[] | null {
  const found = members.filter((texts) => texts !== null);
  return (
    found[0]?.map(({ read }, row) => ({
      read,
      decoded: digestOfTexts(found.map((texts) => texts[row]?.decoded ?? '')),
      lost: Math.max(...found.map((texts) => texts[row]?.lost ?? 0)),
    })) ?? null
  );
}

/** More lost than this is no tokenizer for these texts; more than the second is worth a sentence. */
const mostLost = 0.5;
const muchLost = 0.1;

/** @param who for messages: "the teacher" */
export function judgeTexts(
  who: string,
  texts: readonly SeenText[],
): { readonly fault: Fault | null; readonly notes: readonly string[] } {
  const lost = texts.reduce((sum, text) => sum + text.lost, 0) / Math.max(1, texts.length);
  if (lost <= muchLost) return { fault: null, notes: [] };
  const problem = `the tokens of ${who} do not hold ${String(Math.round(100 * lost))} % of the first ${String(texts.length)} texts`;
  if (lost <= mostLost) return { fault: null, notes: [`self-test: ${problem}; check its tokenizer`] };
  const remedy = 'name the tokenizer.json that belongs to the model, made for texts of this language';
  return { fault: { about: 'self-test', problem, remedy }, notes: [] };
}

/** Why these texts are not those of the reference; null where they are, or where one side says nothing of them. */
export function textsDiffer(texts: readonly SeenText[] | null, { texts: expected, indices }: Reference): Fault | null {
  if (texts === null || expected === undefined) return null;
  for (const [row, text] of texts.entries()) {
    const wanted = expected[row];
    const about = `self-test, sample ${String(indices[row])}`;
    if (wanted === undefined) continue;
    if (wanted.read !== text.read) {
      const problem = "the text is not the one that the job's first teacher read";
      return { about, problem, remedy: 'give every worker the same data set' };
    }
    if (wanted.decoded !== text.decoded) {
      const problem = "the tokens do not say the same text as those of the job's first teacher";
      return { about, problem, remedy: 'give every teacher the same tokenizer.json and the same maxTokens' };
    }
  }
  return null;
}
