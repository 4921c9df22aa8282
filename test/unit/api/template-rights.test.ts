/** What an administrator decides about templates: what is refused without a decision, and what each decision changes. */
import { describe, expect, test } from '@jest/globals';

import {
  defaultTemplateRights,
  inputsName,
  type TemplateRights,
  templateRightsProblems,
} from '../../../src/api/index.js';
import { JobMaker } from '../../kit/snapshots.js';

type Template = Record<string, unknown>;

function told(
  template: Template,
  rights: Partial<TemplateRights> = {},
  role: 'teacher' | 'student' = 'student',
): string[] {
  const { job } =
    role === 'teacher'
      ? new JobMaker().pools({ name: 'a' }, { name: 'b', template })
      : new JobMaker().change(({ spec }) => (spec.student.template = template));
  return templateRightsProblems(job, { ...defaultTemplateRights, ...rights }).map(({ message }) =>
    message.replace(/^spec\.(student|teacher\.pools\[1\])\.template/, '…'),
  );
}

const annotated = (key: string): Template => ({ metadata: { annotations: { [key]: 'x' } } });
const labeled = (key: string): Template => ({ metadata: { labels: { [key]: 'x' } } });
const pod = (spec: Template): Template => ({ spec });
const worker = (fields: Template): Template => pod({ containers: [{ name: 'worker', ...fields }] });

describe('annotations and labels', () => {
  test.each([
    'k8s.v1.cni.cncf.io/networks',
    'v1.multus-cni.io/default-network',
    'iam.amazonaws.com/role',
    'eks.amazonaws.com/role-arn',
    'io.kubernetes.cri-o.Devices',
    'io.kubernetes.cri-o.userns-mode/worker',
    'cpu-quota.crio.io',
    'io.containers.trace-syscall',
    'run.oci.handler',
    'io.katacontainers.config.hypervisor.kernel',
    'sidecar.istio.io/inject',
    'traffic.sidecar.istio.io/excludeOutboundPorts',
    'linkerd.io/inject',
    'vault.hashicorp.com/agent-inject',
    'instrumentation.opentelemetry.io/inject-nodejs',
    'azure.workload.identity/use',
    'gke-gcsfuse/volumes',
    'cdi.k8s.io/gpu',
    'K8S.V1.CNI.CNCF.IO/networks',
  ])('that give rights are refused: %s', (key) => {
    for (const role of ['teacher', 'student'] as const) {
      expect(told(annotated(key), {}, role)).toEqual([
        `….metadata.annotations["${key}"]: found "${key}", but what reads it may give the pod rights, networks or ` +
          'containers. Leave it out, or ask the administrator of the operator to allow it.',
      ]);
    }
  });

  test.each([
    'example.com/note',
    'team',
    'prometheus.io/scrape',
    'kubectl.kubernetes.io/default-container',
    'not-istio.io/inject',
    // Refused by template.ts, whatever an administrator says.
    'container.apparmor.security.beta.kubernetes.io/worker',
    'istio.io.example.com/inject',
  ])('that only say something are let in: %s', (key) => {
    expect(told(annotated(key))).toEqual([]);
    expect(told(labeled(key))).toEqual([]);
  });

  test('that are labels put containers into pods as well', () => {
    for (const key of ['sidecar.istio.io/inject', 'azure.workload.identity/use', 'aadpodidbinding']) {
      expect(told(labeled(key))).toHaveLength(1);
    }
    expect(told(labeled('app.kubernetes.io/part-of'))).toEqual([]);
    expect(told(labeled('kueue.x-k8s.io/queue-name'))).toEqual([]);
  });

  test('are let in where an administrator says so', () => {
    const rights = { annotations: ['k8s.v1.cni.cncf.io/networks', '*.istio.io/*'] };
    expect(told(annotated('k8s.v1.cni.cncf.io/networks'), rights)).toEqual([]);
    expect(told(annotated('sidecar.istio.io/inject'), rights)).toEqual([]);
    expect(told(annotated('k8s.v1.cni.cncf.io/networks-status'), rights)).toHaveLength(1);
    expect(told(annotated('iam.amazonaws.com/role'), rights)).toHaveLength(1);
  });
});

describe('Secrets', () => {
  const uses = (name: string): [string, Template][] => [
    ['a volume', pod({ volumes: [{ name: 'a', secret: { secretName: name } }] })],
    ['a part of a volume', pod({ volumes: [{ name: 'a', projected: { sources: [{ secret: { name } }] } }] })],
    ['a pull secret', pod({ imagePullSecrets: [{ name }] })],
    ['a variable', worker({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name, key: 'k' } } }] })],
    ['many variables', worker({ envFrom: [{ secretRef: { name } }] })],
  ];
  const uid = '6f1f0c4e-52a5-4c0b-9a53-6a2f6f2b7d11';

  test.each(uses('team-keys'))(
    'that are not a job’s are let in as %s, until an administrator limits them',
    (_use, template) => {
      expect(told(template)).toEqual([]);
      expect(told(template, { secrets: ['team-*'] })).toEqual([]);
      const [problem, ...more] = told(template, { secrets: ['registry', 'data-*'] });
      expect(more).toEqual([]);
      expect(problem).toContain(
        'found "team-keys", but templates may not name this Secret here. Use registry, data-*, or ask the administrator',
      );
      expect(told(template, { secrets: [] })[0]).toContain('Use none, or ask');
    },
  );

  test.each([...uses(inputsName('mnist', uid)), ...uses(inputsName('other', uid)), ...uses('mnist-distill')])(
    'that hold the credentials of a job are refused as %s, whatever an administrator allows',
    (_use, template) => {
      for (const secrets of [['*'], ['mnist-*', '*-distill*']]) {
        const [problem, ...more] = told(template, { secrets });
        expect(more).toEqual([]);
        expect(problem).toMatch(
          /but each worker has the credentials of its own role, and no others of a job\. Leave it out\.$/,
        );
      }
    },
  );
});

describe('tolerations', () => {
  const tolerating = (...tolerations: object[]): Template => pod({ tolerations });

  test('are free until an administrator limits them', () => {
    expect(told(tolerating({ operator: 'Exists' }, { key: 'a', operator: 'Exists' }))).toEqual([]);
  });

  test('are of the taints that an administrator names, and never of all', () => {
    const rights = { tolerations: ['nvidia.com/*', 'dedicated'] };
    expect(told(tolerating({ key: 'nvidia.com/gpu' }, { key: 'dedicated' }), rights)).toEqual([]);
    expect(told(tolerating({ key: 'node-role.kubernetes.io/control-plane' }, { operator: 'Exists' }), rights)).toEqual([
      '….spec.tolerations[0].key: found "node-role.kubernetes.io/control-plane", but templates may not tolerate this taint ' +
        'here. Use nvidia.com/*, dedicated, or ask the administrator of the operator to allow it.',
      '….spec.tolerations[1].key: found no key, but that tolerates every taint, which templates may not here. Use ' +
        'nvidia.com/*, dedicated, or ask the administrator of the operator to allow it.',
    ]);
  });
});

describe('the priority of a student', () => {
  const withClass = (priorityClassName: string): Template => pod({ priorityClassName });

  test.each(['system-node-critical', 'system-cluster-critical'])(
    'is not %s, unless an administrator says so',
    (name) => {
      expect(told(withClass(name))).toEqual([
        `….spec.priorityClassName: found "${name}", but that class is for the cluster itself: its pods push every other pod ` +
          'away. Leave it out, or ask the administrator of the operator to allow it.',
      ]);
      expect(told(withClass(name), { studentPriorityClasses: ['system-*'] })).toEqual([]);
    },
  );

  test('is any other, or one of those that an administrator names', () => {
    expect(told(withClass('training'))).toEqual([]);
    expect(told(withClass('training'), { studentPriorityClasses: ['batch-*'] })).toEqual([
      '….spec.priorityClassName: found "training", but a student may not have this class here. Use batch-*, or ask the ' +
        'administrator of the operator to allow it.',
    ]);
  });
});

test('a template that is no template is no matter of rights', () => {
  const odd = [null, 7, 'x', []];
  for (const spec of odd) {
    expect(told({ spec, metadata: spec })).toEqual([]);
    expect(told({ metadata: { labels: spec, annotations: spec } })).toEqual([]);
    expect(told(pod({ volumes: [spec], containers: [spec], tolerations: spec, imagePullSecrets: [spec] }))).toEqual([]);
    expect(told(worker({ env: [spec], envFrom: [{ secretRef: spec }] }))).toEqual([]);
  }
});
