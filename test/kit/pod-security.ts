/**
 * The restricted Pod Security Standard for Linux pods, written from its documentation independently of our code, so that
 * tests of rendering do not rely on what they test. test/cluster asks the API server's own admission.
 */
import { isDeepStrictEqual } from 'node:util';

type Fields = Readonly<Record<string, unknown>>;

const volumeTypes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** @returns the violations of the standard in a pod template; empty for a pod that is admitted. */
export function restrictedViolations(template: { readonly metadata?: unknown; readonly spec: unknown }): string[] {
  const spec = fieldsOf(template.spec);
  const pod = fieldsOf(spec.securityContext);
  const violations: string[] = [];
  const demand = (holds: boolean, what: string): void => {
    if (!holds) violations.push(what);
  };
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) demand(spec[name] !== true, name);
  for (const name of ['sysctls', 'windowsOptions', 'seLinuxOptions', 'procMount', 'appArmorProfile']) {
    demand(pod[name] === undefined, `securityContext.${name}`);
  }
  for (const volume of listOf(spec.volumes)) {
    const sources = Object.keys(volume).filter((name) => name !== 'name');
    demand(sources.length === 1 && volumeTypes.includes(sources[0] ?? ''), `volume ${sources.join()}`);
  }
  for (const name of Object.keys(fieldsOf(fieldsOf(template.metadata).annotations))) {
    demand(!/^(container\.)?(apparmor|seccomp)\.security\./.test(name), `annotation ${name}`);
  }
  const containers = [spec.containers, spec.initContainers, spec.ephemeralContainers].flatMap(listOf);
  demand(containers.length > 0, 'no container');
  for (const container of containers) {
    const own = fieldsOf(container.securityContext);
    const either = (name: string): unknown => own[name] ?? pod[name];
    demand(own.privileged !== true, 'privileged');
    demand(own.allowPrivilegeEscalation === false, 'allowPrivilegeEscalation');
    demand(isDeepStrictEqual(own.capabilities, { drop: ['ALL'] }), 'capabilities');
    demand(either('runAsNonRoot') === true, 'runAsNonRoot');
    demand(either('runAsUser') !== 0, 'runAsUser');
    demand(fieldsOf(either('seccompProfile')).type === 'RuntimeDefault', 'seccompProfile');
    for (const name of ['windowsOptions', 'seLinuxOptions', 'procMount', 'appArmorProfile']) {
      demand(own[name] === undefined, name);
    }
    for (const port of listOf(container.ports)) demand(port.hostPort === undefined, 'hostPort');
    for (const hook of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle']) {
      demand(container[hook] === undefined, hook);
    }
  }
  return violations;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}
