/** `distill validate` for an operator with settings of its own. */
import { describe, expect, test } from '@jest/globals';

import { CliError } from '../../../../src/cli/shared/cli-error.js';
import { validated } from '../../../../src/cli/offline/validate.js';
import { readOperatorSettings } from '../../../../src/cli/offline/operator-settings.js';
import { bent, yamlOf } from '../../../kit/jobs.js';

/** As `kubectl set env deployment/distillery --list` prints them. */
const listed = `# Deployment distillery, container operator
DISTILLERY_LIMIT_WEIGHT=10,team-a=100
DISTILLERY_LIMIT_MIN_REPLICAS=4
DISTILLERY_LIMIT_LOGITS_BYTES=100Gi
DISTILLERY_LIMIT_TTL_SECONDS=
DISTILLERY_STUDENT_PRIORITY_CLASSES=batch-*
# DISTILLERY_NATS_PASSWORD_FILE from secret nats, key password
DISTILLERY_NATS_URL=nats://nats:4222
`;
/** A job that a cluster runs, with one value changed. */
const job = (path: string, value: unknown): string =>
  yamlOf(
    bent(
      ['spec.dataset.uri', 'file:///data'],
      ['spec.teacher.model.uri', 'file:///t.onnx'],
      ['spec.student.model.uri', 'file:///s.json'],
      [path, value],
    ),
  );
const check = (text: string, namespace = 'default'): ReturnType<typeof validated> =>
  validated(text, 'f', 'cluster', { settings: readOperatorSettings(listed, 'operator.env'), namespace });

describe('a job over a limit', () => {
  test('that only lowers a number is valid, with a note', () => {
    const text = job('spec.weight', 50);
    expect(check(text).lines).toEqual([
      'f: DistillJob mnist is valid',
      '  in a cluster, spec.weight: 50 counts as 10.',
    ]);
    expect(validated(text, 'f').lines).toEqual(['f: DistillJob mnist is valid']);
  });

  test('of another namespace is within its own', () => {
    expect(check(job('spec.weight', 50), 'team-a').lines).toEqual(['f: DistillJob mnist is valid']);
  });

  test('of bytes is refused at its place', () => {
    const [problem] = check(job('spec.logits', { maxBytes: '200Gi' })).problems;
    expect(problem).toMatchObject({ path: 'spec.logits.maxBytes', source: 'f' });
    expect(problem?.position).toBeDefined();
  });

  test('of priority classes is refused, and the default operator accepts it', () => {
    const text = job('spec.student.template', { spec: { priorityClassName: 'urgent' } });
    expect(check(text).problems.map(({ path }) => path)).toEqual(['spec.student.template.spec.priorityClassName']);
    expect(validated(text, 'f', 'cluster').problems).toEqual([]);
  });
});

test('a class of the system is refused by an operator with default settings', () => {
  const text = job('spec.student.template', { spec: { priorityClassName: 'system-node-critical' } });
  expect(validated(text, 'f', 'cluster').problems).toHaveLength(1);
});

describe('settings', () => {
  test.each([
    ['that hold none', 'weight: 10', /^operator\.env: it holds no setting of an operator\. /],
    [
      'that no operator takes',
      'DISTILLERY_LIMIT_WEIGHT=many',
      /^operator\.env: DISTILLERY_LIMIT_WEIGHT: found "many", expected /,
    ],
  ])('%s are refused', (_what, text, sentence) => {
    const read = (): unknown => readOperatorSettings(text, 'operator.env');
    expect(read).toThrow(CliError);
    expect(read).toThrow(sentence);
  });
});
