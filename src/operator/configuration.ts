/**
 * The operator's configuration file: what a platform team may want to tune, with a version of its own. Everything that
 * differs between installations by nature (addresses, secrets, images) is an environment variable (variables.ts).
 *
 *   apiVersion: config.distillery.dev/v1alpha1
 *   kind: OperatorConfiguration
 *   reconcile: { workers: 16 }
 *
 * `fields` is the source of the schema, the defaults, the messages and docs/reference/operator-configuration.md. A field
 * that also has a variable obeys the variable. docs/adr/0034.
 */
import { type Fault, isJsonObject } from '@distillery/base';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';

import { defaultPolicy } from '../domain/index.js';

export const configurationVersion = {
  apiVersion: 'config.distillery.dev/v1alpha1',
  kind: 'OperatorConfiguration',
} as const;

/** A whole number. */
export interface Field {
  readonly least: number;
  readonly most: number;
  readonly fallback: number;
  /** What it sets, and when to change it. */
  readonly meaning: string;
}

const fields = {
  apiServer: {
    qps: whole(
      1,
      10_000,
      50,
      'Average number of requests per second to the API server. Raise it when distillery_api_throttled_seconds_total grows.',
    ),
    burst: whole(1, 10_000, 100, 'Requests to the API server that may exceed that average in a burst.'),
  },
  leaderElection: {
    leaseSeconds: whole(
      3,
      600,
      15,
      'Lease duration in seconds. Another replica leads this long after the last renewal; a leader that cannot renew steps down after two thirds of it.',
    ),
  },
  reconcile: {
    workers: whole(
      1,
      256,
      8,
      'Maximum number of concurrent reconciles. Raise it when distillery_queue_oldest_seconds grows.',
    ),
    minIntervalMilliseconds: whole(
      0,
      60_000,
      250,
      'Shortest time from one reconcile of a job to its next, in milliseconds. Telemetry comes twice a second from every worker. Raise it to save CPU; a job then reacts later.',
    ),
    maxPerSecond: whole(
      1,
      10_000,
      200,
      'Reconciles per second over all jobs. With more jobs than that, each job is reconciled less often.',
    ),
  },
  status: {
    progressSeconds: whole(
      1,
      3_600,
      5,
      'Shortest time between two status writes of a job that only report progress, in seconds.',
    ),
    progressWritesPerSecond: whole(
      1,
      1_000,
      10,
      'Status writes per second over all jobs that only report progress. With more jobs, each reports less often.',
    ),
  },
  watches: {
    staleSeconds: whole(
      60,
      3_600,
      150,
      'Silence on a watch, in seconds, after which /readyz reports it as stale and no stream is removed because its job seems to be gone.',
    ),
  },
  streams: {
    orphanSeconds: whole(
      0,
      2_592_000,
      3_600,
      'How many seconds a job must be missing before the operator removes the streams that it left behind without its finalizer, and closes the account that its namespace left (ADR 28). Raise it, or set 0, while you restore the store of the API server. 0: never.',
    ),
    credentialHours: whole(
      48,
      8_760,
      168,
      "Hours for which the NATS credentials of a job's teachers and student are valid. The operator replaces them after a quarter of that time. While no operator runs for longer than the other three quarters, workers wait for one (ADR 56). Raise it if the operator may be away for days.",
    ),
  },
  teachers: {
    minimumRunSeconds: whole(
      0,
      86_400,
      defaultPolicy.minimumRunMs / 1_000,
      'A started teacher is kept for this many seconds while there is work for it. Raise it when models load slowly.',
    ),
    unplacedSeconds: whole(
      1,
      600,
      defaultPolicy.unplacedMs / 1_000,
      'A teacher that stays unschedulable for this many seconds, where the operator saw room for it, or whose pod may not be created, is given up. Raise it when an autoscaler or a slow scheduler needs longer.',
    ),
    pauseSeconds: whole(
      1,
      3_600,
      defaultPolicy.pauseMs / 1_000,
      'How many seconds the pool of that teacher then gets no other one.',
    ),
  },
  students: {
    stallSeconds: whole(
      10,
      86_400,
      defaultPolicy.stallMs / 1_000,
      'Without a training step for this many seconds, the condition Progressing of a job becomes False. Raise it for steps that take minutes.',
    ),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Field>>>>;

export const configurationFields = fields;

type Fields = typeof fields;
/** Every section and field, with a value. */
export type Configuration = { readonly [S in keyof Fields]: { readonly [F in keyof Fields[S]]: number } };
export interface ReadConfiguration {
  /** Every field with its value; the defaults when something is wrong. */
  readonly configuration: Configuration;
  /** Everything that is wrong with the file, about `reconcile.workers` and the like. */
  readonly faults: readonly Fault[];
}

function whole(least: number, most: number, fallback: number, meaning: string): Field {
  return { least, most, fallback, meaning };
}

const sections: readonly (readonly [string, Readonly<Record<string, Field>>])[] = Object.entries(fields);

/** YAML reads a section without fields as null. */
const schema = z.strictObject({
  apiVersion: z.literal(configurationVersion.apiVersion),
  kind: z.literal(configurationVersion.kind),
  ...Object.fromEntries(
    sections.map(([section, its]) => {
      const numbers = Object.entries(its).map(([name, { least, most }]) => [
        name,
        z.int().min(least).max(most).optional(),
      ]);
      return [section, z.strictObject(Object.fromEntries(numbers) as Record<string, z.ZodType>).nullish()];
    }),
  ),
});

export const defaultConfiguration: Configuration = configurationOf({});

/** @param text YAML or JSON */
export function readConfiguration(text: string): ReadConfiguration {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const [sentence = ''] = error.message.split('\n');
    return wrong([{ about: '', problem: `not valid YAML: ${sentence.replace(/:$/, '')}`, remedy: 'correct it' }]);
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return { configuration: configurationOf(parsed.data), faults: [] };
  return wrong(parsed.error.issues.flatMap((issue) => faultsOf(issue, document)));
}

function wrong(faults: readonly Fault[]): ReadConfiguration {
  return { configuration: defaultConfiguration, faults };
}

/** @param given the parsed file, by section and field */
function configurationOf(given: Readonly<Record<string, unknown>>): Configuration {
  const values = sections.map(([section, its]) => {
    const set = (given[section] ?? {}) as Readonly<Record<string, number | undefined>>;
    return [
      section,
      Object.fromEntries(Object.entries(its).map(([name, { fallback }]) => [name, set[name] ?? fallback])),
    ];
  });
  return Object.fromEntries(values) as Configuration;
}

/** zod's own sentences name a type; these say what to do. */
function faultsOf(issue: z.core.$ZodIssue, document: unknown): Fault[] {
  const path = issue.path.map(String);
  const about = path.join('.');
  const [section = '', name = ''] = path;
  if (issue.code === 'unrecognized_keys') {
    const known = path.length === 0 ? Object.keys(schema.shape) : Object.keys(sectionAt(section));
    return issue.keys.map((key) => ({
      about: [...path, key].join('.'),
      problem: 'unknown field',
      remedy: `remove it, or use one of ${known.join(', ')}`,
    }));
  }
  const found = shown(path.reduce<unknown>(childOf, document));
  if (section === '') return [{ about, found, expected: 'a map of fields', remedy: 'begin with apiVersion and kind' }];
  if (section === 'apiVersion' || section === 'kind') {
    return [{ about, found, expected: configurationVersion[section], remedy: 'change it' }];
  }
  const field = sectionAt(section)[name];
  if (field === undefined) return [{ about, found, expected: 'a map of fields', remedy: 'indent its fields below it' }];
  const { least, most, fallback } = field;
  return [
    {
      about,
      found,
      expected: `a whole number from ${String(least)} to ${String(most)}`,
      remedy: `change it, or leave it out for ${String(fallback)}`,
    },
  ];
}

function sectionAt(section: string): Readonly<Record<string, Field>> {
  return sections.find(([name]) => name === section)?.[1] ?? {};
}

function childOf(value: unknown, key: string): unknown {
  return isJsonObject(value) ? value[key] : undefined;
}

/** A value as a noun. The file holds no secrets, so a message may quote it; a long one is cut. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
