/** Kubeconfig files as kubectl reads them: single files, lists, and the messages about invalid ones. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';

import {
  AccessError,
  credentialsError,
  type KubeconfigFiles,
  kubeconfigFiles,
} from '../../../../../src/cluster/kubernetes/index.js';
import { chosenContext, type Kubeconfig, readKubeconfig } from '../../../../../src/cluster/kubernetes/api/index.js';

const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function write(content: string | Uint8Array, inFolder = ''): string {
  const path = join(folder, inFolder, `config-${String(files++)}`);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const one = (path: string): KubeconfigFiles => ({ kind: 'one', path });
const list = (...paths: readonly string[]): KubeconfigFiles => ({ kind: 'list', paths });

/** A file with one cluster, user and context. */
function file(name: string, server: string, changes: object = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user: { token: `token of ${server}` } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
    ...changes,
  });
}

function read(from: KubeconfigFiles): Kubeconfig {
  const config = readKubeconfig(from);
  if (config === null) throw new Error('no file was there');
  return config;
}

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof AccessError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('where kubectl finds its files', () => {
  const home = (): string => '/home/ann';

  test.each([
    ['/a:/b', ['/a', '/b']],
    ['/a::/b:', ['/a', '/b']],
    ['/a:/b:/a', ['/a', '/b']],
    [':', []],
    ['', ['/home/ann/.kube/config']],
    [undefined, ['/home/ann/.kube/config']],
  ])('KUBECONFIG=%j names %j', (variable, paths) => {
    expect(kubeconfigFiles(variable, ':', home)).toEqual({ kind: 'list', paths });
  });

  test('does not need a home folder when there is a list', () => {
    const homeless = (): string => {
      throw new Error('no home');
    };
    expect(kubeconfigFiles('/a', ':', homeless)).toEqual({ kind: 'list', paths: ['/a'] });
  });
});

describe('a list', () => {
  test('is merged: the first file that names something decides about it as a whole', () => {
    const first = write(file('x', 'https://first'));
    const second = write(
      stringify({
        clusters: [
          { name: 'x', cluster: { server: 'https://second', 'certificate-authority': '/ca' } },
          { name: 'y', cluster: { server: 'https://y' } },
        ],
        contexts: [{ name: 'y', context: { cluster: 'y', user: 'x' } }],
        'current-context': 'y',
      }),
    );
    const config = read(list(first, second));
    expect(config.clusters).toEqual([
      { name: 'x', cluster: { server: 'https://first' } },
      { name: 'y', cluster: { server: 'https://y' } },
    ]);
    expect(chosenContext(config, undefined, 'list').server).toBe('https://first');
    expect(chosenContext(config, 'y', 'list').server).toBe('https://y');
    expect(chosenContext(read(list(second, first)), undefined, 'list').server).toBe('https://y');
  });

  test('takes the current context of the first file that has one', () => {
    const without = write(file('x', 'https://x', { 'current-context': '' }));
    const withOne = write(file('y', 'https://y'));
    expect(chosenContext(read(list(without, withOne)), undefined, 'list').context).toBe('y');
  });

  test('skips missing files, and is null without any file', () => {
    const there = write(file('x', 'https://x'));
    expect(chosenContext(read(list('/nowhere/a', there, '/nowhere/b')), undefined, 'list').server).toBe('https://x');
    expect(readKubeconfig(list('/nowhere/a', '/nowhere/b'))).toBeNull();
    expect(readKubeconfig(list())).toBeNull();
  });

  test('is refused when one of its files is not a kubeconfig', () => {
    const there = write(file('x', 'https://x'));
    expect(refusalOf(() => readKubeconfig(list(there, folder)))).toMatch(/^kubeconfig .*: cannot be read \(EISDIR\)/);
  });

  test('resolves paths relative to the file that holds them', () => {
    const paths = {
      clusters: [{ name: 'c', cluster: { server: 'https://c', 'certificate-authority': 'ca.crt' } }],
      users: [
        { name: 'keys', user: { 'client-certificate': '../me.crt', 'client-key': '/keys/me.key' } },
        { name: 'token', user: { token: 'old', tokenFile: 'token' } },
        { name: 'plugin', user: { exec: { command: './login', args: ['./stays'] } } },
        { name: 'on-path', user: { exec: { command: 'login' } } },
        { name: 'list', user: { exec: ['./login'] } },
      ],
    };
    const config = read(list(write(stringify(paths), 'one'), write(file('d', 'https://d'), 'two')));
    expect(config.clusters[0]).toMatchObject({ cluster: { 'certificate-authority': join(folder, 'one', 'ca.crt') } });
    expect(config.users.slice(0, 5)).toEqual([
      { name: 'keys', user: { 'client-certificate': join(folder, 'me.crt'), 'client-key': '/keys/me.key' } },
      {
        name: 'token',
        user: {
          token: 'old',
          tokenFile: join(folder, 'one', 'token'),
        },
      },
      { name: 'plugin', user: { exec: { command: join(folder, 'one', 'login'), args: ['./stays'] } } },
      { name: 'on-path', user: { exec: { command: 'login' } } },
      { name: 'list', user: { exec: ['./login'] } },
    ]);
  });
});

describe('a file', () => {
  test.each([
    ['with a byte-order mark', (text: string) => Buffer.from(`\uFEFF${text}`)],
    ['in UTF-16', (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])],
    ['in JSON', (text: string) => Buffer.from(text)],
  ])('%s is read', (_, encoded) => {
    expect(chosenContext(read(one(write(encoded(file('x', 'https://x'))))), undefined, 'it').server).toBe('https://x');
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    ['that is not YAML', 'users: [{name: u, user: {token: s3cr3t}}\nfoo: "', /not YAML: [A-Z_]+ in line \d+\)/],
    ['that is a text', 's3cr3t', /cannot be read \(not a kubeconfig\)/],
    ['that is not text', Uint8Array.from([0xff, 0xfe, 0x00, 0xd8, 0x41]), /not valid UTF-16LE/],
    [
      'whose cluster has no server',
      'clusters: [{name: s3, cluster: {}}]',
      /its clusters\.0\.cluster\.server is missing or wrong/,
    ],
    ['with an alias to nothing', 'users: *s3cr3t', /cannot be read/],
  ])('%s is refused, and not quoted', (_, content, sentence) => {
    const message = refusalOf(() => readKubeconfig(one(write(content))));
    expect(message).toMatch(sentence);
    expect(message).not.toContain('s3cr3t');
    expect(message).not.toContain('\n');
  });

  test('that is named and missing is refused', () => {
    expect(refusalOf(() => readKubeconfig(one('/nowhere/config')))).toBe(
      'kubeconfig /nowhere/config: cannot be read (ENOENT). Name another, or correct it.',
    );
  });

  test.each<[string, object, string | undefined, string]>([
    [
      'a current context that is not there',
      { 'current-context': 'nope' },
      undefined,
      'found no context "nope", expected one of x. Name one that exists.',
    ],
    [
      'no current context',
      { 'current-context': undefined },
      undefined,
      'found no current context, expected one of x. Name one that exists.',
    ],
    [
      'not the context that is asked for',
      {},
      'other',
      'found no context "other", expected one of x. Name one that exists.',
    ],
    ['no contexts', { contexts: null }, undefined, 'found no context "x", it has no contexts. Name one that exists.'],
    [
      'a context without its cluster',
      { clusters: [] },
      undefined,
      'found context "x" with no cluster, expected one of x. Add cluster "x", or name another context.',
    ],
    [
      'a context without its user',
      { users: [] },
      undefined,
      'found context "x" with no user, expected one of x. Add user "x", or name another context.',
    ],
  ])('with %s is refused, and the message lists the contexts', (_, changes, wanted, sentence) => {
    const config = read(one(write(file('x', 'https://x', changes))));
    expect(refusalOf(() => chosenContext(config, wanted, 'it'))).toBe(`it: ${sentence}`);
  });
});

describe('credentials that cannot be read', () => {
  function parseError(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      return error;
    }
  }

  test.each<[string, unknown, string]>([
    ['what a plugin printed', parseError('s3cr3t-token'), 'the output of the credential plugin is not JSON'],
    ['all that a plugin complained', new Error('line 1\nline 2: expired\n'), 'line 2: expired'],
    ['a token in it', new Error('refused Bearer s3cr3t-token-of-mine'), 'refused Bearer …'],
  ])('are reported without %s', (_, error, reason) => {
    expect(credentialsError(error, 'it').message).toBe(
      `it: the user's credentials cannot be read (${reason}). Log in again.`,
    );
  });
});
