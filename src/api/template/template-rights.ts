/**
 * The parts of a template, and the Secrets of a job's places, that give a pod rights outside of the restricted Pod Security Standard: other networks, cloud
 * roles, devices, the Secrets of the namespace, priority over other pods. An administrator decides about these; the
 * defaults below hold otherwise. Pure.
 *
 * Invariants:
 *  template-rights/R1 No setting lets a template or a `secretRef` name the credentials of a job.
 *  template-rights/R2 Values that this file cannot read are left to template.ts, which refuses them.
 */
import { matchesPattern } from '@distillery/base';

import type { DistillJob } from '../generated/distilljob.js';
import { isCredentialsName } from '../words/index.js';
import { isFields, joinPath, nameValue, type Problem, violation } from '../schema/index.js';
import { securityPrefixes } from './template.js';
import type { PodRole } from './worker-pod.js';

/** Lists of patterns; `*` matches any characters. */
export interface TemplateRights {
  /** Annotations and labels that are allowed although they may give rights. */
  readonly annotations: readonly string[];
  /** Secrets that a template or a `secretRef` may name. */
  readonly secrets: readonly string[];
  /** Images that a template may name. */
  readonly images: readonly string[];
  /** Keys of taints that a template may tolerate. A toleration without a key tolerates all taints; only `*` allows it. */
  readonly tolerations: readonly string[];
  /** Priority classes that a student may have; one that begins with `system-` only if the pattern does, too. */
  readonly studentPriorityClasses: readonly string[];
}

export const defaultTemplateRights: TemplateRights = {
  annotations: [],
  secrets: ['*'],
  images: ['*'],
  tolerations: ['*'],
  studentPriorityClasses: ['*'],
};

/** @returns a problem for every right that a job takes and `rights` does not allow */
export function templateRightsProblems({ metadata, spec }: DistillJob, rights: TemplateRights): Problem[] {
  const of = (role: PodRole, template: unknown, path: string): Problem[] => [
    ...metadataProblems(template, path, rights),
    ...secretProblems(secretsOf(template, path), metadata.name, rights),
    ...imageProblems(template, path, rights),
    ...tolerationProblems(template, path, rights),
    ...(role === 'student' ? priorityProblems(template, path, rights) : []),
  ];
  return [
    ...secretProblems(secretRefsOf(spec), metadata.name, rights),
    ...spec.teacher.pools.flatMap(({ template }, index) =>
      of('teacher', template, `spec.teacher.pools[${String(index)}].template`),
    ),
    ...of('student', spec.student.template, 'spec.student.template'),
  ];
}

const ask = 'ask the administrator of the operator';

// Annotations and labels

/** Prefixes whose annotations and labels make some part of a cluster act on the pod. */
const actingDomains: readonly string[] = [
  // Networks and meshes.
  'cni.cncf.io',
  'multus-cni.io',
  'ovn.org',
  'cilium.io',
  'projectcalico.org',
  'antrea.io',
  'istio.io',
  'linkerd.io',
  'kuma.io',
  'dapr.io',
  // Roles and Secrets.
  'amazonaws.com',
  'azure.com',
  'azure.workload.identity',
  'google.com',
  'gke.io',
  'gke-gcsfuse',
  'hashicorp.com',
  'banzaicloud.com',
  'spiffe.io',
  // Container runtimes and devices.
  'crio.io',
  'cri-o.io',
  'containerd.io',
  'nri.io',
  'nvidia.com',
  // Platforms, and injectors of containers.
  'openshift.io',
  'opentelemetry.io',
  'datadoghq.com',
  'dynatrace.com',
];

/** Prefixes of Kubernetes itself: its recommended labels are harmless, its annotations may not be. */
const annotationDomains: readonly string[] = [...actingDomains, 'kubernetes.io', 'k8s.io'];

/** Annotations without a slash, or with the two parts swapped. */
const actingPrefixes: readonly string[] = ['io.kubernetes.', 'io.containers.', 'io.katacontainers.', 'run.oci.'];
const actingKeys: readonly string[] = ['aadpodidbinding', 'aadpodbinding'];

/** Prefixes that only tools for people read. */
const harmless: readonly string[] = ['kubectl.kubernetes.io/*', 'app.kubernetes.io/*'];

function givesRights(key: string, domains: readonly string[]): boolean {
  // The API server does not mind capitals in front of the slash.
  const small = key.toLowerCase();
  const [domain = ''] = small.split('/');
  return (
    domains.some((one) => domain === one || domain.endsWith(`.${one}`)) ||
    actingPrefixes.some((prefix) => small.startsWith(prefix)) ||
    actingKeys.includes(small)
  );
}

function metadataProblems(template: unknown, path: string, { annotations: allowed }: TemplateRights): Problem[] {
  const { labels, annotations } = fieldsAt(template, 'metadata');
  const refused = (given: unknown, name: string, domains: readonly string[]): Problem[] =>
    Object.keys(isFields(given) ? given : {})
      .filter((key) => givesRights(key, domains) && !isAllowed(key, [...harmless, ...allowed]))
      .filter((key) => !securityPrefixes.some((prefix) => key.startsWith(prefix)))
      .map((key) => {
        const clause = 'what reads it may give the pod rights, networks or containers';
        return violation(
          joinPath(`${path}.metadata.${name}`, key),
          nameValue(key),
          clause,
          `leave it out, or ${ask} to allow it`,
        );
      });
  return [...refused(labels, 'labels', actingDomains), ...refused(annotations, 'annotations', annotationDomains)];
}

// Secrets

interface Named {
  readonly path: string;
  readonly name: unknown;
}

/** Every Secret that a template names, in any field that can name one. */
function secretsOf(template: unknown, path: string): Named[] {
  const { volumes, imagePullSecrets, containers } = fieldsAt(template, 'spec');
  const at = `${path}.spec`;
  return [
    ...entriesOf(volumes, `${at}.volumes`).flatMap(([volume, within]) => [
      ...named(volume, within, ['secret', 'secretName']),
      ...entriesOf(fieldsAt(volume, 'projected').sources, `${within}.projected.sources`).flatMap(([source, where]) =>
        named(source, where, ['secret', 'name']),
      ),
    ]),
    ...entriesOf(imagePullSecrets, `${at}.imagePullSecrets`).flatMap(([one, within]) => named(one, within, ['name'])),
    ...entriesOf(containers, `${at}.containers`).flatMap(([container, within]) => [
      ...entriesOf(container.env, `${within}.env`).flatMap(([variable, where]) =>
        named(variable, where, ['valueFrom', 'secretKeyRef', 'name']),
      ),
      ...entriesOf(container.envFrom, `${within}.envFrom`).flatMap(([source, where]) =>
        named(source, where, ['secretRef', 'name']),
      ),
    ]),
  ];
}

/** The Secrets of the places of a job. */
function secretRefsOf({ dataset, teacher, student }: DistillJob['spec']): Named[] {
  return [
    { path: 'spec.dataset.secretRef.name', name: dataset.secretRef?.name },
    { path: 'spec.teacher.model.secretRef.name', name: teacher.model.secretRef?.name },
    { path: 'spec.student.model.secretRef.name', name: student.model.secretRef?.name },
    { path: 'spec.student.checkpoint.secretRef.name', name: student.checkpoint.secretRef?.name },
    { path: 'spec.student.output.secretRef.name', name: student.output.secretRef?.name },
  ];
}

function secretProblems(found: readonly Named[], job: string, { secrets }: TemplateRights): Problem[] {
  return found.flatMap(({ path: path, name }) => {
    if (typeof name !== 'string') return [];
    if (isCredentialsName(name, job)) {
      const clause = 'each worker has the credentials of its own role, and no others of a job';
      return [violation(path, nameValue(name), clause, 'leave it out')];
    }
    if (isAllowed(name, secrets)) return [];
    const clause = 'jobs may not name this Secret here';
    return [violation(path, nameValue(name), clause, `use ${patternsIn(secrets)}, or ${ask} to allow it`)];
  });
}

// Images

function imageProblems(template: unknown, path: string, { images: allowed }: TemplateRights): Problem[] {
  const { containers } = fieldsAt(template, 'spec');
  return entriesOf(containers, `${path}.spec.containers`).flatMap(([{ image }, place]) => {
    if (typeof image !== 'string' || isAllowed(image, allowed)) return [];
    const clause = 'jobs may not run this image here';
    return [violation(`${place}.image`, nameValue(image), clause, `use ${patternsIn(allowed)}, or ${ask} to allow it`)];
  });
}

// Tolerations and priorities

function tolerationProblems(template: unknown, path: string, { tolerations: allowed }: TemplateRights): Problem[] {
  if (allowed.includes('*')) return [];
  return entriesOf(fieldsAt(template, 'spec').tolerations, `${path}.spec.tolerations`).flatMap(
    ([toleration, within]) => {
      const { key = '' } = toleration;
      if (typeof key !== 'string' || (key !== '' && isAllowed(key, allowed))) return [];
      const [found, clause] =
        key === ''
          ? ['no key', 'that tolerates every taint, which templates may not here']
          : [nameValue(key), 'templates may not tolerate this taint here'];
      return [violation(`${within}.key`, found, clause, `use ${patternsIn(allowed)}, or ${ask} to allow it`)];
    },
  );
}

function priorityProblems(template: unknown, path: string, { studentPriorityClasses }: TemplateRights): Problem[] {
  const { priorityClassName: name } = fieldsAt(template, 'spec');
  if (typeof name !== 'string') return [];
  const isSystem = name.startsWith('system-');
  const patterns = studentPriorityClasses.filter((pattern) => !isSystem || pattern.startsWith('system-'));
  if (isAllowed(name, patterns)) return [];
  const clause = isSystem
    ? 'that class is for the cluster itself: its pods push every other pod away'
    : 'a student may not have this class here';
  const remedy = isSystem ? 'leave it out' : `use ${patternsIn(studentPriorityClasses)}`;
  return [violation(`${path}.spec.priorityClassName`, nameValue(name), clause, `${remedy}, or ${ask} to allow it`)];
}

// Reading unchecked values

type Anything = Readonly<Record<string, unknown>>;

function fieldsAt(value: unknown, name: string): Anything {
  const found = isFields(value) ? value[name] : undefined;
  return isFields(found) ? found : {};
}

function entriesOf(list: unknown, path: string): [Anything, string][] {
  return (Array.isArray(list) ? list : []).flatMap((entry: unknown, index): [Anything, string][] =>
    isFields(entry) ? [[entry, `${path}[${String(index)}]`]] : [],
  );
}

function named(value: Anything, path: string, [first = '', ...rest]: readonly string[]): Named[] {
  const found = value[first];
  const at = `${path}.${first}`;
  if (rest.length === 0) return found === undefined ? [] : [{ path: at, name: found }];
  return isFields(found) ? named(found, at, rest) : [];
}

function isAllowed(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesPattern(name, pattern));
}

function patternsIn(patterns: readonly string[]): string {
  return patterns.length === 0 ? 'none' : patterns.join(', ');
}
