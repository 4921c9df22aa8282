/**
 * Fields of the API that an engine cannot run: those that this version does not build yet (delete the line when the engine
 * can do it), and those that make no sense for the engine. A job that sets one is refused with a sentence; no field is
 * ignored.
 */
import { datasetDeliveries, trainingOrders } from '@distillery/protocol';
import type { UriScheme } from '@distillery/protocol';

import type { DistillJob } from './generated/distilljob.js';
import { jobUris } from './job-uris.js';
import { isManagedHere } from './words/index.js';
import { mismatch, nameValue, notSupported, type Problem, violation } from './schema/index.js';
import { templateProblems } from './template/index.js';
import { isAbsoluteFile, isWebFolder, storeKind, uriScheme } from './uri.js';
import type { StoreKind } from './uri.js';

/** `local`: `distill run`, child processes on one machine. `cluster`: the operator. */
export type Engine = 'local' | 'cluster';

interface Found {
  readonly path: string;
  readonly found: string;
}

interface Gap {
  readonly lacking: readonly Engine[];
  /** Why the engine can never run it; absent for what is not built yet. */
  readonly because?: string;
  readonly use: string;
  readonly find: (job: DistillJob) => readonly Found[];
}

const both: readonly Engine[] = ['local', 'cluster'];

/**
 * Refuses a value that the job manifest cannot carry: the manifest's schema is the one list of what is built. The compiler
 * rejects a list with a value that the API does not take.
 */
function inManifest<Value extends string>(
  path: string,
  valueOf: (job: DistillJob) => Value,
  built: readonly NoInfer<Value>[],
): Gap {
  return { lacking: both, use: `use ${built.join(' or ')}`, find: (job) => valueUnless(valueOf(job), path, built) };
}

const gaps: readonly Gap[] = [
  inManifest('spec.dataset.delivery', ({ spec }) => spec.dataset.delivery, datasetDeliveries),
  {
    lacking: both,
    because: 'a web server has no list of the files in a folder',
    use: 'name one file, or put the folder into a bucket and use s3://',
    find: (job) =>
      jobUris(job)
        .filter(({ uri }) => isWebFolder(uri))
        .map(({ path }) => ({ path, found: 'a folder' })),
  },
  {
    lacking: ['local'],
    because: 'a local run has no Secrets',
    use: 'leave it out, and set the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3://',
    find: ({ spec }) =>
      [
        { path: 'spec.dataset.secretRef', secretRef: spec.dataset.secretRef },
        { path: 'spec.teacher.model.secretRef', secretRef: spec.teacher.model.secretRef },
        { path: 'spec.student.model.secretRef', secretRef: spec.student.model.secretRef },
        { path: 'spec.student.checkpoint.secretRef', secretRef: spec.student.checkpoint.secretRef },
        { path: 'spec.student.output.secretRef', secretRef: spec.student.output.secretRef },
      ].flatMap(({ path, secretRef }) =>
        secretRef === undefined ? [] : [{ path, found: `the Secret ${nameValue(secretRef.name)}` }],
      ),
  },
  {
    lacking: ['local'],
    because: 'a local run has no claims and no ConfigMaps',
    use: 'use package:// or file://, or run it in a cluster',
    find: (job) => urisOf(job, ['pvc', 'configmap']),
  },
  {
    lacking: ['local'],
    because: 'a local run has no Kueue',
    use: 'leave it out, or run it in a cluster',
    find: ({ spec }) =>
      [
        { path: 'spec.queueName', queueName: spec.queueName },
        { path: 'spec.teacher.queueName', queueName: spec.teacher.queueName },
      ].flatMap(({ path, queueName }) =>
        queueName === undefined ? [] : [{ path, found: `the LocalQueue ${nameValue(queueName)}` }],
      ),
  },
  {
    lacking: ['local'],
    because: 'a local run is managed by this command',
    use: 'leave it out, or run it in a cluster',
    find: ({ spec }) =>
      spec.managedBy === undefined || isManagedHere(spec)
        ? []
        : [{ path: 'spec.managedBy', found: nameValue(spec.managedBy) }],
  },
  inManifest('spec.training.order', ({ spec }) => spec.training.order, trainingOrders),
  {
    lacking: both,
    use: 'use Never',
    find: ({ spec }) => valueUnless(spec.logits.reuse, 'spec.logits.reuse', ['Never']),
  },
  {
    lacking: both,
    use: 'use teachers: leave logits.from out',
    find: ({ spec: { logits } }) =>
      logits.from === undefined
        ? []
        : [{ path: 'spec.logits.from', found: `the logits of ${nameValue(logits.from.job)}` }],
  },
  {
    lacking: ['local'],
    because: 'a local run has one NATS server',
    use: 'use 1, or run it in a cluster',
    find: ({ spec }) => valueUnless(spec.logits.replicas, 'spec.logits.replicas', [1]),
  },
  {
    lacking: ['local'],
    because: 'a local run has no claims',
    use: 'use nats, file or s3://, or run it in a cluster',
    find: (job) => storesOf(job, ['pvc']),
  },
  {
    lacking: ['cluster'],
    because: "a pod's own disk ends with the pod",
    use: 'use nats, pvc:// or s3://',
    find: (job) => storesOf(job, ['file']),
  },
  {
    lacking: ['local'],
    because: 'a local run has teachers on the CPU only',
    use: 'leave resource out, or run it in a cluster',
    find: ({ spec }) =>
      spec.teacher.pools.flatMap(({ resource }, index) =>
        resource === undefined
          ? []
          : [{ path: `spec.teacher.pools[${String(index)}].resource`, found: nameValue(resource) }],
      ),
  },
  {
    lacking: ['local'],
    because: 'a local run makes no pods',
    use: 'leave the template out, or run it in a cluster',
    find: ({ spec }) =>
      [
        { path: 'spec.student.template', template: spec.student.template },
        ...spec.teacher.pools.map(({ template }, index) => ({
          path: `spec.teacher.pools[${String(index)}].template`,
          template,
        })),
      ]
        .filter(({ template }) => Object.keys(template).length > 0)
        .map(({ path }) => ({ path, found: 'a pod template' })),
  },
];

/** Results by spec: a spec never changes after it was read, and every reconcile of its job asks for them again. */
const judged = new WeakMap<DistillJob['spec'], Map<Engine, readonly Problem[]>>();

/** @returns a problem for each field of a valid job that `engine` cannot honor; none when it can run the job. */
export function unsupported(job: DistillJob, engine: Engine): readonly Problem[] {
  const known = judged.get(job.spec) ?? new Map<Engine, readonly Problem[]>();
  const problems = known.get(engine) ?? judge(job, engine);
  judged.set(job.spec, known.set(engine, problems));
  return problems;
}

function judge(job: DistillJob, engine: Engine): Problem[] {
  const lacking = gaps
    .filter((gap) => gap.lacking.includes(engine))
    .flatMap(({ find, because, use }) =>
      find(job).map(({ path, found }) =>
        because === undefined ? notSupported(path, found, use) : violation(path, found, because, use),
      ),
    );
  return engine === 'local' ? lacking : [...lacking, ...relativePaths(job), ...templateProblems(job)];
}

/** A cluster has no job file, so a relative path has no base. */
function relativePaths(job: DistillJob): Problem[] {
  return jobUris(job)
    .filter(({ uri }) => uriScheme(uri) === 'file' && !isAbsoluteFile(uri))
    .map(({ path, uri }) => {
      const remedy = `write file:///PATH, or use ${path === 'spec.dataset.uri' ? 'pvc://' : 'pvc:// or configmap://'}`;
      return mismatch(path, nameValue(uri), 'an absolute path inside the worker image', remedy);
    });
}

function valueUnless<T extends string | number>(value: T, path: string, built: readonly T[]): readonly Found[] {
  return built.includes(value) ? [] : [{ path, found: nameValue(value) }];
}

function urisOf(job: DistillJob, schemes: readonly UriScheme[]): readonly Found[] {
  return jobUris(job).flatMap(({ path, uri }) => {
    const scheme = uriScheme(uri);
    return scheme !== undefined && schemes.includes(scheme) ? [{ path, found: `${scheme}://` }] : [];
  });
}

function storesOf({ spec }: DistillJob, kinds: readonly StoreKind[]): readonly Found[] {
  return [
    { path: 'spec.student.checkpoint.store', store: spec.student.checkpoint.store },
    { path: 'spec.student.output.store', store: spec.student.output.store },
  ].flatMap(({ path, store }) => {
    const kind = storeKind(store);
    return kind !== undefined && kinds.includes(kind) ? [{ path, found: nameValue(store) }] : [];
  });
}
