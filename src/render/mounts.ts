/**
 * Maps the places that a job names into its pods: claims and ConfigMaps become volumes, and the manifest names the folders
 * where they are mounted. Remote places stay as they are: the pod gets a cache volume, and the Secrets with their
 * credentials as files that only it reads.
 *
 * Invariant: a claim is one volume of a pod, however often the pod uses it: a kubelet may wait forever for a second
 * one (kubernetes/kubernetes#127004).
 */
import { readUri, uriText } from '@distillery/protocol';

import {
  claimPlace,
  configMapPlace,
  type DistillJob,
  jobUris,
  ownVolumePrefix,
  type PodRole,
  remotePlace,
  storeKind,
  workerFolders,
} from '../api/index.js';

import type { Fields, WorkerSettings } from './object.js';

/** @returns the uri as workers read it: file:///absolute/path or package://name/path; a preset stays as it is. */
export function uriInPod(uri: string): string {
  const claim = claimPlace(uri);
  if (claim !== undefined) return fileUri(joined(workerFolders.claims, claim.claim, claim.path));
  const file = configMapPlace(uri);
  if (file !== undefined) return fileUri(joined(workerFolders.configMaps, file.name, file.key));
  const read = readUri(uri);
  return read.ok ? uriText(read.value) : uri;
}

function fileUri(path: string): string {
  return uriText({ scheme: 'file', path });
}

/** @returns a store as workers read it: a claim is a folder. */
export function storeInPod(store: string): { readonly store: string; readonly folder?: string; readonly uri?: string } {
  if (storeKind(store) === 's3') return { store: 's3', uri: uriInPod(store) };
  const claim = claimPlace(store);
  if (claim === undefined) return { store };
  return { store: 'file', folder: joined(workerFolders.outputs, claim.claim, claim.path) };
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('/');
}

/** A remote place that a role reads or writes. */
interface RemoteUse {
  readonly use: 'dataset' | 'model' | 'checkpoint' | 'output';
  /** Null for a bucket. */
  readonly port: number | null;
  /** Name of the Secret with its credentials. */
  readonly secret: string | undefined;
}

/** The remote places that a role's pods read, the data set first. */
function remoteUses(job: DistillJob, role: PodRole): readonly RemoteUse[] {
  const { dataset, teacher, student } = job.spec;
  const { model } = role === 'teacher' ? teacher : student;
  return jobUris(job)
    .filter(({ readBy }) => readBy.includes(role))
    .flatMap(({ path, uri }): readonly RemoteUse[] => {
      const place = remotePlace(uri);
      if (place === undefined) return [];
      // A tokenizer and the weights to start from lie with their model.
      const { use, secretRef } =
        path === 'spec.dataset.uri'
          ? { use: 'dataset' as const, secretRef: dataset.secretRef }
          : { use: 'model' as const, secretRef: model.secretRef };
      return [{ use, port: place.port, secret: secretRef?.name }];
    });
}

/** The buckets that a role's pods write. */
function bucketUses({ spec: { student } }: DistillJob, role: PodRole): readonly RemoteUse[] {
  if (role === 'teacher') return [];
  return (['checkpoint', 'output'] as const)
    .filter((use) => storeKind(student[use].store) === 's3')
    .map((use) => ({ use, port: null, secret: student[use].secretRef?.name }));
}

/** TCP ports of the remote places that a job's pods read or write, each once, in ascending order. */
export function remotePorts(job: DistillJob, { bucketPorts }: WorkerSettings): readonly number[] {
  const uses = [...remoteUses(job, 'teacher'), ...remoteUses(job, 'student'), ...bucketUses(job, 'student')];
  return [...new Set(uses.flatMap(({ port }) => port ?? bucketPorts))].sort((a, b) => a - b);
}

/** What workers fill of it: beyond the limit the kubelet ends the pod, and file systems round sizes up. */
const cacheShare = 0.95;

/** The variables by which workers find their cache and the credentials of remote places; none for a role without such. */
export function remoteVariables(
  job: DistillJob,
  role: PodRole,
  { cacheGib }: WorkerSettings,
): Readonly<Record<string, string>> {
  const read = remoteUses(job, role);
  const cache = {
    DISTILL_CACHE_FOLDER: `${workerFolders.cache}/places`,
    DISTILL_CACHE_BYTES: String(Math.floor(cacheGib * 2 ** 30 * cacheShare)),
  };
  return {
    ...(read.length === 0 ? {} : cache),
    ...Object.fromEntries(
      [...read, ...bucketUses(job, role)]
        .filter(({ secret }) => secret !== undefined)
        .map(({ use }) => [`DISTILL_${use.toUpperCase()}_CREDENTIALS`, `${workerFolders.secrets}/${use}`]),
    ),
  };
}

/** The cache of what is read, and each Secret once, however many places it is for. */
function remoteMounts(job: DistillJob, role: PodRole, { cacheGib }: WorkerSettings): readonly Mounted[] {
  const read = remoteUses(job, role);
  const uses = [...read, ...bucketUses(job, role)];
  const name = `${ownVolumePrefix}cache`;
  const cache: Mounted = {
    volumes: [{ name, emptyDir: { sizeLimit: `${String(cacheGib)}Gi` } }],
    mounts: [{ name, mountPath: workerFolders.cache }],
  };
  const secrets = unique(uses.flatMap(({ secret }) => secret ?? [])).map((secretName, index): Mounted => {
    const name = `${ownVolumePrefix}secret-${String(index)}`;
    return {
      // The files belong to root, and fsGroup makes the group ours: readable for the group. 0o440 in decimal, for JSON.
      volumes: [{ name, secret: { secretName, defaultMode: 0o440 } }],
      mounts: [...new Set(uses.filter(({ secret }) => secret === secretName).map(({ use }) => use))].map((use) => ({
        name,
        mountPath: `${workerFolders.secrets}/${use}`,
        readOnly: true,
      })),
    };
  });
  return [...(read.length === 0 ? [] : [cache]), ...secrets];
}

export interface Mounted {
  readonly volumes: readonly (Fields & { readonly name: string })[];
  readonly mounts: readonly (Fields & { readonly name: string; readonly mountPath: string })[];
}

/** The volumes and mounts of a role's pods for the places that the job names: each role only what it reads or writes. */
export function placesOf(job: DistillJob, role: PodRole, settings: WorkerSettings): Mounted {
  const { student } = job.spec;
  const uris = jobUris(job).flatMap(({ uri, readBy }) => (readBy.includes(role) ? [uri] : []));
  const stores = role === 'teacher' ? [] : [student.checkpoint.store, student.output.store];
  const read = claimsIn(uris);
  const written = claimsIn(stores);
  const claims = unique([...read, ...written]).map((claim, index): Mounted => {
    const name = `${ownVolumePrefix}pvc-${String(index)}`;
    const isWritten = written.includes(claim);
    return {
      volumes: [{ name, persistentVolumeClaim: { claimName: claim, ...(isWritten ? {} : { readOnly: true }) } }],
      mounts: [
        ...(read.includes(claim) ? [{ name, mountPath: `${workerFolders.claims}/${claim}`, readOnly: true }] : []),
        ...(isWritten ? [{ name, mountPath: `${workerFolders.outputs}/${claim}` }] : []),
      ],
    };
  });
  const files = unique(uris.flatMap((uri) => configMapPlace(uri)?.name ?? [])).map((configMap, index): Mounted => {
    const name = `${ownVolumePrefix}configmap-${String(index)}`;
    return {
      volumes: [{ name, configMap: { name: configMap } }],
      mounts: [{ name, mountPath: `${workerFolders.configMaps}/${configMap}`, readOnly: true }],
    };
  });
  const all = [...claims, ...files, ...remoteMounts(job, role, settings)];
  return { volumes: all.flatMap(({ volumes }) => volumes), mounts: all.flatMap(({ mounts }) => mounts) };
}

function claimsIn(texts: readonly string[]): readonly string[] {
  return unique(texts.flatMap((text) => claimPlace(text)?.claim ?? []));
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
