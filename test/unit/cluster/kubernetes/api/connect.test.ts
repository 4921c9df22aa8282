/** Address and credentials: from kubeconfig files, and from the mounted files of a pod. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { AccessError, loadAccess } from '../../../../../src/cluster/kubernetes/index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'connect-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function kubeconfig(cluster: object, user: object = { token: 'secret' }): Promise<string> {
  const path = join(folder, `config-${Math.random()}`);
  const config = {
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'main', context: { cluster: 'c', user: 'u' } },
      { name: 'broken', context: { cluster: 'nowhere', user: 'u' } },
    ],
    'current-context': 'main',
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

const basic = (login: string): object => ({ headers: { Authorization: `Basic ${btoa(login)}` } });
const bearer = (token: string): { headers: object } => ({ headers: { Authorization: `Bearer ${token}` } });
const inside = (text: string): object => ({
  'certificate-authority': '/nonexistent',
  'certificate-authority-data': btoa(text),
});

describe('a kubeconfig', () => {
  test('gives server, certificate authority and token', async () => {
    await writeFile(join(folder, 'ca.crt'), 'the authority');
    const path = await kubeconfig({ server: 'https://host:6443', 'certificate-authority': 'ca.crt' });
    const access = await loadAccess({ kind: 'file', path });
    expect(access.server).toBe('https://host:6443');
    const { headers, tls } = await access.credentials();
    expect(headers).toEqual({ Authorization: 'Bearer secret' });
    expect(String(tls.ca)).toBe('the authority');
  });

  test('gives client certificates, read again each time', async () => {
    await writeFile(join(folder, 'me.crt'), 'certificate 1');
    await writeFile(join(folder, 'me.key'), 'key');
    const path = await kubeconfig(
      { server: 'https://host:6443', 'tls-server-name': 'inner' },
      { 'client-certificate': 'me.crt', 'client-key': 'me.key' },
    );
    const access = await loadAccess({ kind: 'file', path });
    const first = await access.credentials();
    expect(String(first.tls.cert)).toBe('certificate 1');
    expect(String(first.tls.key)).toBe('key');
    expect(first.tls.servername).toBe('inner');
    expect(first.headers).toEqual({});
    await writeFile(join(folder, 'me.crt'), 'certificate 2');
    expect(String((await access.credentials()).tls.cert)).toBe('certificate 2');
  });

  test.each<[string, object, object, object]>([
    ['a password that YAML reads as a number', {}, { username: 'me', password: 1234 }, basic('me:1234')],
    ['an empty password', {}, { username: 'me' }, basic('me:')],
    ['a token beside name and password', {}, { username: 'me', password: 'p', token: 't' }, bearer('t')],
    ['another user', {}, { token: 't', as: 'ann' }, { headers: { ...bearer('t').headers, 'Impersonate-User': 'ann' } }],
    ['a server that is not verified', { 'insecure-skip-tls-verify': true }, {}, { tls: { rejectUnauthorized: false } }],
    ['what stands inside before a file', inside('authority'), {}, { tls: { ca: Buffer.from('authority') } }],
    ['fields that are empty', { 'tls-server-name': '' }, { token: '', exec: null }, { headers: {}, tls: {} }],
  ])('gives %s', async (_what, cluster, user, want) => {
    const access = await loadAccess({
      kind: 'file',
      path: await kubeconfig({ server: 'https://host', ...cluster }, user),
    });
    expect(await access.credentials()).toEqual({ headers: {}, tls: {}, ...want });
  });

  test('gives the token of a file, read again each time; without the file, a sentence', async () => {
    const file = join(folder, 'renewed');
    await writeFile(file, 'token 1\n');
    const path = await kubeconfig({ server: 'https://host' }, { tokenFile: 'renewed', token: 'old' });
    const access = await loadAccess({ kind: 'file', path });
    expect(await access.credentials()).toEqual({ ...bearer('token 1'), tls: {} });
    await writeFile(file, 'token 2\n');
    expect(await access.credentials()).toEqual({ ...bearer('token 2'), tls: {} });
    await rm(file);
    await expect(access.credentials()).rejects.toThrow(
      /^kubeconfig \S+: the user's credentials cannot be read \((Error: )?ENOENT.*\)\. Log in again\.$/,
    );
  });

  test('gives the authority also to a context without a user', async () => {
    const path = join(folder, 'no-user');
    const cluster = { server: 'https://host', ...inside('authority') };
    const contexts = [{ name: 'main', context: { cluster: 'c' } }];
    await writeFile(path, JSON.stringify({ clusters: [{ name: 'c', cluster }], contexts, 'current-context': 'main' }));
    const access = await loadAccess({ kind: 'file', path });
    expect(await access.credentials()).toEqual({ headers: {}, tls: { ca: Buffer.from('authority') } });
  });

  test('gives name and password, and runs a credential plugin', async () => {
    const basic = await kubeconfig({ server: 'https://host' }, { username: 'me', password: 'pass' });
    expect(await (await loadAccess({ kind: 'file', path: basic })).credentials()).toMatchObject({
      headers: { Authorization: `Basic ${btoa('me:pass')}` },
    });
    const credential = { kind: 'ExecCredential', status: { token: 'from the plugin' } };
    const plugin = { exec: { command: 'echo', args: [JSON.stringify(credential)] } };
    const path = await kubeconfig({ server: 'https://host' }, plugin);
    expect(await (await loadAccess({ kind: 'file', path })).credentials()).toMatchObject({
      headers: { Authorization: 'Bearer from the plugin' },
    });
  });

  test.each<[string, () => Promise<string>, string | undefined, RegExp]>([
    [
      'that is missing',
      async () => Promise.resolve('/nonexistent'),
      undefined,
      /kubeconfig \/nonexistent: cannot be read \(ENOENT\)/,
    ],
    [
      'whose context has no cluster',
      () => kubeconfig({ server: 'https://h' }),
      'broken',
      /found context "broken" with no cluster, expected one of main, broken/,
    ],
    [
      'without the context that is asked for',
      () => kubeconfig({ server: 'https://h' }),
      'other',
      /found no context "other", expected one of main, broken/,
    ],
    [
      'whose server is no address',
      () => kubeconfig({ server: 'host' }),
      undefined,
      /found a server that is not an address/,
    ],
    [
      'that needs a proxy',
      () => kubeconfig({ server: 'https://h', 'proxy-url': 'http://p' }),
      undefined,
      /found proxy-url/,
    ],
  ])('%s is refused with a sentence', async (_, make, context, want) => {
    await expect(loadAccess({ kind: 'file', path: await make(), context })).rejects.toThrow(want);
  });
});

describe('a pod', () => {
  test('reaches the API server with what is mounted, read again each time', async () => {
    const mounted = join(folder, 'mounted');
    await mkdir(mounted);
    await writeFile(join(mounted, 'token'), 'token 1\n');
    await writeFile(join(mounted, 'ca.crt'), 'the authority');
    const access = await loadAccess({ kind: 'pod', host: '10.0.0.1', port: '443', folder: mounted });
    expect(access.server).toBe('https://10.0.0.1:443');
    expect(await access.credentials()).toEqual({
      headers: { Authorization: 'Bearer token 1' },
      tls: { ca: 'the authority' },
    });
    await writeFile(join(mounted, 'token'), 'token 2');
    expect((await access.credentials()).headers).toEqual({ Authorization: 'Bearer token 2' });
  });

  test('puts an IPv6 address in brackets', async () => {
    expect((await loadAccess({ kind: 'pod', host: 'fd00::1', port: '443' })).server).toBe('https://[fd00::1]:443');
  });

  test.each([
    ['', '443'],
    ['10.0.0.1', ''],
  ])('without its variables (host "%s", port "%s") is asked to name a kubeconfig', async (host, port) => {
    await expect(loadAccess({ kind: 'pod', host, port })).rejects.toBeInstanceOf(AccessError);
    await expect(loadAccess({ kind: 'pod', host, port })).rejects.toThrow(
      /Outside of a cluster, name a kubeconfig file/,
    );
  });
});
