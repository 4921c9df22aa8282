/** Decisions of an administrator about templates: the defaults without a decision, and the effect of each decision. */
import { describe, expect, test } from '@jest/globals';

import {
  defaultTemplateRights,
  inputsName,
  type TemplateRights,
  templateRightsProblems,
} from '../../../src/api/index.js';
import { JobMaker } from '../../kit/snapshots.js';

type Template = Record<string, unknown>;

function problemsOf(
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
      expect(problemsOf(annotated(key), {}, role)).toEqual([
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
    // template.ts refuses it, regardless of the administrator's settings.
    'container.apparmor.security.beta.kubernetes.io/worker',
    'istio.io.example.com/inject',
  ])('that give no rights are allowed: %s', (key) => {
    expect(problemsOf(annotated(key))).toEqual([]);
    expect(problemsOf(labeled(key))).toEqual([]);
  });

  test('that are labels can inject containers as well', () => {
    for (const key of ['sidecar.istio.io/inject', 'azure.workload.identity/use', 'aadpodidbinding']) {
      expect(problemsOf(labeled(key))).toHaveLength(1);
    }
    expect(problemsOf(labeled('app.kubernetes.io/part-of'))).toEqual([]);
    expect(problemsOf(labeled('kueue.x-k8s.io/queue-name'))).toEqual([]);
  });

  test('are allowed where an administrator allows them', () => {
    const rights = { annotations: ['k8s.v1.cni.cncf.io/networks', '*.istio.io/*'] };
    expect(problemsOf(annotated('k8s.v1.cni.cncf.io/networks'), rights)).toEqual([]);
    expect(problemsOf(annotated('sidecar.istio.io/inject'), rights)).toEqual([]);
    expect(problemsOf(annotated('k8s.v1.cni.cncf.io/networks-status'), rights)).toHaveLength(1);
    expect(problemsOf(annotated('iam.amazonaws.com/role'), rights)).toHaveLength(1);
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
      expect(problemsOf(template)).toEqual([]);
      expect(problemsOf(template, { secrets: ['team-*'] })).toEqual([]);
      const [problem, ...more] = problemsOf(template, { secrets: ['registry', 'data-*'] });
      expect(more).toEqual([]);
      expect(problem).toContain(
        'found "team-keys", but jobs may not name this Secret here. Use registry, data-*, or ask the administrator',
      );
      expect(problemsOf(template, { secrets: [] })[0]).toContain('Use none, or ask');
    },
  );

  test.each([...uses(inputsName('mnist', uid)), ...uses(inputsName('other', uid)), ...uses('mnist-distill')])(
    'that hold the credentials of a job are refused as %s, whatever an administrator allows',
    (_use, template) => {
      for (const secrets of [['*'], ['mnist-*', '*-distill*']]) {
        const [problem, ...more] = problemsOf(template, { secrets });
        expect(more).toEqual([]);
        expect(problem).toMatch(
          /but each worker has the credentials of its own role, and no others of a job\. Leave it out\.$/,
        );
      }
    },
  );
});

describe('the Secrets of places', () => {
  const of = (secret: string, rights: Partial<TemplateRights> = {}): string[] => {
    const { job } = new JobMaker().change(({ spec }) => {
      spec.dataset.secretRef = { name: secret };
      spec.teacher.model.secretRef = { name: secret };
      spec.student.model.secretRef = { name: secret };
      spec.student.checkpoint.secretRef = { name: secret };
      spec.student.output.secretRef = { name: secret };
    });
    return templateRightsProblems(job, { ...defaultTemplateRights, ...rights }).map(({ message }) => message);
  };

  test('are limited as those of templates', () => {
    expect(of('team-keys')).toEqual([]);
    expect(of('team-keys', { secrets: ['data-*'] })).toEqual(
      [
        'spec.dataset',
        'spec.teacher.model',
        ...['model', 'checkpoint', 'output'].map((part) => `spec.student.${part}`),
      ].map(
        (place) =>
          `${place}.secretRef.name: found "team-keys", but jobs may not name this Secret here. Use data-*, or ask the ` +
          'administrator of the operator to allow it.',
      ),
    );
  });

  test('are never the credentials of a job', () => {
    const problems = of(inputsName('other', '6f1f0c4e-52a5-4c0b-9a53-6a2f6f2b7d11'), { secrets: ['*'] });
    expect(problems).toHaveLength(5);
    expect(problems[0]).toContain('each worker has the credentials of its own role');
  });
});

describe('images', () => {
  const running = (image: string): Template => pod({ containers: [{ name: 'worker', image }] });

  test('are free until an administrator limits them', () => {
    expect(problemsOf(running('docker.io/somebody/miner'))).toEqual([]);
  });

  test('are limited to the patterns that an administrator gives, tag and digest included', () => {
    const rights = { images: ['registry.example/ml/*', 'worker:1.0'] };
    for (const image of ['registry.example/ml/own:2', 'registry.example/ml/own@sha256:0a', 'worker:1.0']) {
      expect(problemsOf(running(image), rights)).toEqual([]);
    }
    for (const image of ['registry.example/mlx/own:2', 'worker:1.0.1', 'evil/registry.example/ml/own']) {
      expect(problemsOf(running(image), rights)).toEqual([
        `….spec.containers[0].image: found "${image}", but jobs may not run this image here. Use registry.example/ml/*, ` +
          'worker:1.0, or ask the administrator of the operator to allow it.',
      ]);
    }
    expect(problemsOf(pod({ containers: [{ name: 'worker' }] }), { images: [] })).toEqual([]);
  });
});

describe('tolerations', () => {
  const tolerating = (...tolerations: object[]): Template => pod({ tolerations });

  test('are free until an administrator limits them', () => {
    expect(problemsOf(tolerating({ operator: 'Exists' }, { key: 'a', operator: 'Exists' }))).toEqual([]);
  });

  test('are limited to the taints that an administrator names, and never to all', () => {
    const rights = { tolerations: ['nvidia.com/*', 'dedicated'] };
    expect(problemsOf(tolerating({ key: 'nvidia.com/gpu' }, { key: 'dedicated' }), rights)).toEqual([]);
    expect(
      problemsOf(tolerating({ key: 'node-role.kubernetes.io/control-plane' }, { operator: 'Exists' }), rights),
    ).toEqual([
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
      expect(problemsOf(withClass(name))).toEqual([
        `….spec.priorityClassName: found "${name}", but that class is for the cluster itself: its pods push every other pod ` +
          'away. Leave it out, or ask the administrator of the operator to allow it.',
      ]);
      expect(problemsOf(withClass(name), { studentPriorityClasses: ['system-*'] })).toEqual([]);
    },
  );

  test('may be any other class, or one of those that an administrator names', () => {
    expect(problemsOf(withClass('training'))).toEqual([]);
    expect(problemsOf(withClass('training'), { studentPriorityClasses: ['batch-*'] })).toEqual([
      '….spec.priorityClassName: found "training", but a student may not have this class here. Use batch-*, or ask the ' +
        'administrator of the operator to allow it.',
    ]);
  });
});

test('a value that is not a template has no problems of rights', () => {
  const odd = [null, 7, 'x', []];
  for (const spec of odd) {
    expect(problemsOf({ spec, metadata: spec })).toEqual([]);
    expect(problemsOf({ metadata: { labels: spec, annotations: spec } })).toEqual([]);
    expect(
      problemsOf(pod({ volumes: [spec], containers: [spec], tolerations: spec, imagePullSecrets: [spec] })),
    ).toEqual([]);
    expect(problemsOf(worker({ env: [spec], envFrom: [{ secretRef: spec }] }))).toEqual([]);
  }
});
