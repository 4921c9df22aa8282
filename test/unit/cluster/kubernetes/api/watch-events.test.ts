/** The reader of a watch: lines, and the event in each. */
import { describe, expect, test } from '@jest/globals';

import { builtInKinds as kinds } from '../../../../../src/cluster/kubernetes/api/kinds.js';
import { linesOf, watchEvent } from '../../../../../src/cluster/kubernetes/api/watch-events.js';

describe('lines of a watch', () => {
  const doing = 'watch pods';
  async function read(chunks: readonly (string | Uint8Array)[], longest = 1_000): Promise<string[]> {
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
    };
    const lines: string[] = [];
    for await (const line of linesOf(bytes(), longest, doing)) lines.push(line);
    return lines;
  }

  test.each<[string, readonly string[], readonly string[]]>([
    ['one a chunk', ['{"a":1}\n', '{"b":2}\n'], ['{"a":1}', '{"b":2}']],
    ['several a chunk', ['{"a":1}\n{"b":2}\n{"c":3}\n'], ['{"a":1}', '{"b":2}', '{"c":3}']],
    ['one over many chunks', ['{"', 'a', '":1', '}', '\n'], ['{"a":1}']],
    ['other line breaks, and empty lines', ['{"a":1}\r\n', '\n', '  \n{"b":2}\n'], ['{"a":1}\r', '{"b":2}']],
    ['nothing', [], []],
  ])('%s', async (_, chunks, want) => {
    expect(await read(chunks)).toEqual(want);
  });

  test('a character that spans two chunks stays whole', async () => {
    const bytes = Buffer.from('{"name":"Müller 学"}\n');
    const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(await read(bytewise)).toEqual(['{"name":"Müller 学"}']);
  });

  test('a connection that ends within a line is an error, and half an object is never returned', async () => {
    const seen = read(['{"a":1}\n{"b":']);
    await expect(seen).rejects.toMatchObject({ reason: 'unreachable', retry: 'Later' });
    await expect(seen).rejects.toThrow('watch pods: the connection ended within a line, after 5 of its bytes');
  });

  test('a line over the limit is refused before its end', async () => {
    await expect(read(['1234567890\n'], 10)).resolves.toEqual(['1234567890']);
    await expect(read(['12345', '67890', '1'], 10)).rejects.toMatchObject({ reason: 'malformed' });
    await expect(read(['12345678901\n'], 10)).rejects.toThrow(/a line of more than 10 bytes/);
  });
});

describe('an event of a watch', () => {
  const event = (line: unknown): unknown =>
    watchEvent(typeof line === 'string' ? line : JSON.stringify(line), kinds.nodes, 'watch nodes');
  const metadata = { name: 'n', uid: 'u', resourceVersion: '7' };

  test.each([
    ['ADDED', 'set'],
    ['MODIFIED', 'set'],
    ['DELETED', 'deleted'],
  ])('%s becomes %s with the object, its kind, and an empty namespace if it has none', (type, want) => {
    expect(event({ type, object: { metadata, spec: { a: 1 } } })).toEqual({
      type: want,
      object: { apiVersion: 'v1', kind: 'Node', metadata: { ...metadata, namespace: '' }, spec: { a: 1 } },
    });
  });

  test('BOOKMARK holds a version', () => {
    const object = { kind: 'Node', apiVersion: 'v1', metadata: { resourceVersion: '12746', creationTimestamp: null } };
    expect(event({ type: 'BOOKMARK', object })).toEqual({ type: 'bookmark', resourceVersion: '12746' });
  });

  test('ERROR is thrown as the error of the server', () => {
    const object = { kind: 'Status', message: 'too old resource version: 1 (203)', reason: 'Expired', code: 410 };
    expect(() => event({ type: 'ERROR', object })).toThrow(
      expect.objectContaining({ reason: 'gone', message: 'too old resource version: 1 (203)', status: 410 }),
    );
  });

  test.each([
    ['not JSON', '{"type":"ADDED","object":{"kin'],
    ['JSON of another kind', '[1]'],
    ['an unknown type', { type: 'MOVED', object: { metadata } }],
    ['an object without name', { type: 'ADDED', object: { metadata: { uid: 'u', resourceVersion: '7' } } }],
    ['an object without version', { type: 'DELETED', object: { metadata: { name: 'n', uid: 'u' } } }],
    ['no object', { type: 'ADDED' }],
    ['a bookmark without version', { type: 'BOOKMARK', object: { metadata: {} } }],
  ])('%s is malformed', (_, line) => {
    expect(() => event(line)).toThrow(expect.objectContaining({ reason: 'malformed' }));
  });

  test('a message shows the beginning of the line, never the data of a Secret', () => {
    const line = '{"type":"ADDED","object":{"kind":"Secret","apiVersion":"v1","data":{"password":"aHVzaA=="';
    expect(() => event(line)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('aHVz') }));
  });
});
