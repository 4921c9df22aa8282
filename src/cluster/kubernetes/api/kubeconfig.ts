/**
 * Kubeconfig files, read as kubectl reads them. The client library's own reader refuses a list whose files name the same
 * cluster, refuses missing files of a list, and quotes the text around a mistake, secrets included.
 *
 * Invariants:
 *  kubeconfig/F1 In a list, the first file that names a cluster, user, context or current context decides about it as a
 *     whole.
 *  kubeconfig/F2 A relative path in a file is relative to the folder of that file.
 *  kubeconfig/F3 No message quotes a file.
 */
import { dirname, isAbsolute, resolve } from 'node:path';

import { codeOf, DistilleryError, isJsonObject, TextError } from '@distillery/base';
import { readTextSync } from '@distillery/platform';
import { parseDocument, LineCounter } from 'yaml';
import { z } from 'zod';

/** One file that must exist, or the list of a KUBECONFIG, whose missing files are skipped. */
export type KubeconfigFiles =
  { readonly kind: 'one'; readonly path: string } | { readonly kind: 'list'; readonly paths: readonly string[] };

/** The settings give no access to an API server. */
export class AccessError extends DistilleryError {
  override readonly name = 'AccessError';
  readonly kind = 'Access';
  readonly retry = 'AfterSomebodyActs';
}

/** The merged content of all files, with absolute paths. */
export interface Kubeconfig {
  readonly clusters: readonly NamedEntry[];
  readonly users: readonly NamedEntry[];
  readonly contexts: readonly NamedEntry[];
  readonly 'current-context'?: string | undefined;
}

/** The chosen context, and the server of its cluster. */
export interface ChosenContext {
  readonly context: string;
  readonly server: string;
  readonly proxyUrl: string | undefined;
  /** undefined when the context names none. */
  readonly namespace: string | undefined;
  readonly cluster: Fields;
  /** Empty when the context names none. */
  readonly user: Fields;
}

type Fields = Readonly<Record<string, unknown>>;
type NamedEntry = Readonly<Record<string, unknown>> & { readonly name: string };

/** The files that kubectl reads: the list of KUBECONFIG, otherwise `~/.kube/config`. */
export function kubeconfigFiles(variable: string | undefined, separator: string, home: () => string): KubeconfigFiles {
  const given = variable !== undefined && variable !== '';
  const paths = given ? variable.split(separator).filter((path) => path !== '') : [resolve(home(), '.kube', 'config')];
  return { kind: 'list', paths: [...new Set(paths)] };
}

/** Name of the files in messages. */
export function kubeconfigName(files: KubeconfigFiles): string {
  if (files.kind === 'one') return `kubeconfig ${files.path}`;
  return files.paths.length === 0 ? 'kubeconfig of an empty list' : `kubeconfig ${files.paths.join(', ')}`;
}

/** @returns null when no file of a list exists. @throws AccessError when a file cannot be read or is not a kubeconfig */
export function readKubeconfig(files: KubeconfigFiles): Kubeconfig | null {
  const read = files.kind === 'one' ? [readFile(files.path)] : files.paths.flatMap((path) => readUnlessMissing(path));
  return read.length === 0 ? null : merged(read);
}

/**
 * Resolves a context to its cluster.
 * @param wanted name of the context; absent = the current one
 * @throws AccessError when the context, its cluster or its user does not exist
 */
export function chosenContext(config: Kubeconfig, wanted: string | undefined, what: string): ChosenContext {
  const names = config.contexts.map(({ name }) => name);
  const known = names.length === 0 ? 'it has no contexts' : `expected one of ${names.join(', ')}`;
  const name = wanted ?? config['current-context'] ?? '';
  if (name === '')
    throw new AccessError({
      about: what,
      problem: `found no current context, ${known}`,
      remedy: 'name one that exists',
    });
  const entry = config.contexts.find((context) => context.name === name);
  const context = contextSchema.safeParse(entry?.context).data;
  if (context === undefined)
    throw new AccessError({
      about: what,
      problem: `found no context "${name}", ${known}`,
      remedy: 'name one that exists',
    });
  const cluster = config.clusters.find((each) => each.name === context.cluster);
  if (cluster === undefined) {
    throw new AccessError({
      about: what,
      problem: `found context "${name}" with no cluster, ${known}`,
      remedy: `add cluster "${context.cluster}", or name another context`,
    });
  }
  const user = config.users.find((each) => each.name === context.user);
  if (context.user !== undefined && context.user !== '' && user === undefined) {
    throw new AccessError({
      about: what,
      problem: `found context "${name}" with no user, ${known}`,
      remedy: `add user "${context.user}", or name another context`,
    });
  }
  const settings = clusterSchema.parse(cluster.cluster);
  return {
    context: name,
    server: settings.server,
    proxyUrl: settings['proxy-url'],
    namespace: context.namespace,
    cluster: settings,
    user: isJsonObject(user?.user) ? user.user : {},
  };
}

const contextSchema = z.object({
  cluster: z.string().default(''),
  user: z.string().optional(),
  namespace: z.string().optional(),
});
const clusterSchema = z.looseObject({ server: z.string(), 'proxy-url': z.string().optional() });
const named = z.looseObject({ name: z.string().min(1) });
/** Absent and null mean empty, as in files that tools write. */
const list = <T extends z.ZodType>(entry: T): z.ZodType<z.output<T>[]> =>
  z
    .array(entry)
    .nullish()
    .transform((entries) => entries ?? []);
const fileSchema = z.looseObject({
  clusters: list(named.extend({ cluster: clusterSchema })),
  users: list(named.extend({ user: z.looseObject({}).nullish() })),
  contexts: list(named.extend({ context: z.looseObject({}) })),
  'current-context': z.string().nullish(),
});

function readUnlessMissing(path: string): Kubeconfig[] {
  try {
    return [readFile(path)];
  } catch (error) {
    if (error instanceof AccessError && codeOf(error.cause) === 'ENOENT') return [];
    throw error;
  }
}

/** @throws AccessError */
function readFile(path: string): Kubeconfig {
  const refused = (why: string, cause?: unknown): AccessError =>
    new AccessError(
      { about: `kubeconfig ${path}`, problem: `cannot be read (${why})`, remedy: 'name another, or correct it' },
      { cause },
    );
  let text: string;
  try {
    text = readTextSync(path);
  } catch (error) {
    throw refused(error instanceof TextError ? error.message : codeOf(error) || 'unknown error', error);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [mistake] = document.errors;
  if (mistake !== undefined) {
    throw refused(`not YAML: ${mistake.code} in line ${String(lines.linePos(mistake.pos[0]).line)}`);
  }
  const parsed = fileSchema.safeParse(valueOf(document) ?? {});
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join('.') ?? '';
    throw refused(field === '' ? 'not a kubeconfig' : `its ${field} is missing or wrong`);
  }
  const folder = dirname(resolve(path));
  const { clusters, users, contexts, 'current-context': current } = parsed.data;
  return {
    clusters: clusters.map((entry) => ({ ...entry, cluster: clusterIn(entry.cluster, folder) })),
    users: users.map((entry) => ({ ...entry, user: userIn(entry.user ?? {}, folder) })),
    contexts,
    'current-context': current ?? undefined,
  };
}

/** Returns an empty list, which the schema rejects, for aliases without a target or with too large an expansion. */
function valueOf(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return [];
  }
}

function clusterIn(cluster: z.output<typeof clusterSchema>, folder: string): Fields {
  const entry = absolute(cluster, ['certificate-authority'], folder);
  // The client library accepts plain HTTP, as of `kubectl proxy`, only together with insecure-skip-tls-verify.
  return /^http:/i.test(cluster.server) ? { ...entry, 'insecure-skip-tls-verify': true } : entry;
}

function userIn(user: Fields, folder: string): Fields {
  const entry = absolute(user, ['client-certificate', 'client-key', 'tokenFile'], folder);
  const { exec } = entry;
  return isJsonObject(exec) ? { ...entry, exec: commandIn(exec, folder) } : entry;
}

/** A command with a slash is a path; without one it is searched on PATH. */
function commandIn(exec: Fields, folder: string): Fields {
  const { command } = exec;
  return typeof command === 'string' && command.includes('/') ? absolute(exec, ['command'], folder) : exec;
}

function absolute(fields: Fields, names: readonly string[], folder: string): Fields {
  const changed = names.flatMap((name) => {
    const path = fields[name];
    return typeof path === 'string' && path !== '' && !isAbsolute(path) ? [[name, resolve(folder, path)]] : [];
  });
  return { ...fields, ...(Object.fromEntries(changed) as Fields) };
}

function merged(files: readonly Kubeconfig[]): Kubeconfig {
  return {
    clusters: firstOfEach(files.flatMap(({ clusters }) => clusters)),
    users: firstOfEach(files.flatMap(({ users }) => users)),
    contexts: firstOfEach(files.flatMap(({ contexts }) => contexts)),
    'current-context': files.map((file) => file['current-context']).find((name) => name !== undefined && name !== ''),
  };
}

function firstOfEach(entries: readonly NamedEntry[]): NamedEntry[] {
  return entries.filter(({ name }, index) => entries.findIndex((other) => other.name === name) === index);
}
