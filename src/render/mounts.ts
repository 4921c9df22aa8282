/**
 * Maps the places that a job names into its pods: claims and ConfigMaps become volumes, and the manifest names the folders
 * where they are mounted, since workers know only files and packages.
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
  workerFolders,
} from '../api/index.js';

import type { Fields } from './object.js';

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
export function storeInPod(store: string): { readonly store: string; readonly folder?: string } {
  const claim = claimPlace(store);
  if (claim === undefined) return { store };
  return { store: 'file', folder: joined(workerFolders.outputs, claim.claim, claim.path) };
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('/');
}

export interface Mounted {
  readonly volumes: readonly (Fields & { readonly name: string })[];
  readonly mounts: readonly (Fields & { readonly name: string; readonly mountPath: string })[];
}

/** The volumes and mounts of a role's pods for the places that the job names: each role only what it reads or writes. */
export function placesOf(job: DistillJob, role: PodRole): Mounted {
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
  const all = [...claims, ...files];
  return { volumes: all.flatMap(({ volumes }) => volumes), mounts: all.flatMap(({ mounts }) => mounts) };
}

function claimsIn(texts: readonly string[]): readonly string[] {
  return unique(texts.flatMap((text) => claimPlace(text)?.claim ?? []));
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
