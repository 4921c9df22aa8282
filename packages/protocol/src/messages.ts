/**
 * What all JSON messages have in common: how they grow, and the sentence about a message that its schema refuses.
 *
 * How JSON grows within protocol v1 (docs/protocol.md "Growth"): a reader ignores fields that it does not know, unless
 * the message lists a feature in `requires`. A message that requires a feature which the reader lacks is refused by the
 * feature's name.
 *
 * Invariants:
 *  messages/M1 `requires` is checked before any other field: a new feature may give other fields values that an older
 *     reader takes for errors, and the sentence must name the feature.
 *  messages/M2 A writer leaves `requires` out when nothing is required, so that messages of jobs without new features
 *     stay byte for byte the same.
 */
import { z } from 'zod';

/** Features that this release has beyond the base of protocol v1. A feature is added with the code that obeys it. */
export const features = [
  'augment-flip',
  'clip-norm',
  'dataset-fields',
  'early-stop',
  'freeze-layers',
  'held-out',
  'label-smoothing',
  'loss-kind',
  'model-inputs',
  'rate-decay',
  'saved-model',
  'shuffle-blocks',
  'start-weights',
  'student-runtime',
  'teacher-ensemble',
  'teacher-output',
  'tfjs-graph',
  'tokenizer',
  'weight-averages',
] as const;
export type Feature = (typeof features)[number];

/** Most features of one message, and most characters of a name. */
const maxFeatures = 32;
const featurePattern = /^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/;

const requiresSchema = z.array(z.string().regex(featurePattern, 'expected the name of a feature')).max(maxFeatures);

/** The field of a growing message that names the features its reader must have; absent = none. */
export const requiresField = requiresSchema.optional();

/**
 * Names of the required features that the reader lacks, in the order of the message; none where `requires` is absent.
 * A `requires` that is malformed gives none: the schema of the message refuses it.
 * @param has features of the reader
 */
export function missingFeatures(message: unknown, has: readonly string[] = features): readonly string[] {
  if (typeof message !== 'object' || message === null || !('requires' in message)) return [];
  const required = requiresSchema.safeParse(message.requires);
  return required.success ? required.data.filter((feature) => !has.includes(feature)) : [];
}

/** The sentence about features that a reader lacks; a clause that follows the name of the message. */
export function missingFeaturesText(missing: readonly string[]): string {
  return `requires ${missing.join(', ')}, which this release does not have`;
}

/**
 * `schema` after the check of `requires`: a value that requires what the reader lacks has this one issue, at `requires`.
 * @param has features of the reader
 */
export function withRequires<Schema extends z.ZodType>(
  schema: Schema,
  has: readonly string[] = features,
): z.ZodPipe<z.ZodUnknown, Schema> {
  const checked: z.ZodUnknown = z.unknown().superRefine((value, context) => {
    const missing = missingFeatures(value, has);
    if (missing.length > 0) {
      const message = `this release does not have ${missing.join(', ')}`;
      context.addIssue({ code: 'custom', path: ['requires'], message });
    }
  });
  return z.pipe(checked, schema);
}

/** `schema`, a strict object, as one that ignores unknown fields, those of the objects within it too. */
export function ignoringUnknown<Schema extends z.ZodObject>(schema: Schema): Schema {
  const fields = Object.entries(schema.shape as z.core.$ZodShape).map(([name, field]): [string, z.core.$ZodType] => [
    name,
    field instanceof z.ZodObject ? ignoringUnknown(field) : field,
  ]);
  return z.object(Object.fromEntries(fields)) as unknown as Schema;
}

/** Path of the first field that is wrong, such as `indices.3`; `(root)` for the value itself. */
export function fieldOf(error: z.ZodError): string {
  const path = error.issues[0]?.path ?? [];
  return path.length === 0 ? '(root)' : path.map(String).join('.');
}

/** What is wrong with the first wrong field, the number of further ones included. */
export function problemIn(error: z.ZodError): string {
  const others = error.issues.length - 1;
  const more = others > 0 ? ` (and ${String(others)} more)` : '';
  return `field ${fieldOf(error)}: ${error.issues[0]?.message ?? 'is wrong'}${more}`;
}
