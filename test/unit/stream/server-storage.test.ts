/** How full the servers' stores are: what is read of their answers, whatever they are. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { fullestStorage } from '../../../src/stream/accounts/server-storage.js';

interface Figures {
  readonly file?: readonly [used: unknown, reserved: unknown, limit: unknown];
  readonly memory?: readonly [used: unknown, reserved: unknown, limit: unknown];
}

/** As nats-server 2.14.5 answers `$SYS.REQ.SERVER.PING.JSZ`. */
function answer({ file = [0, 0, 0], memory = [0, 0, 0] }: Figures): string {
  return JSON.stringify({
    server: { name: 'nats-0', host: '127.0.0.1', id: 'NDU5', ver: '2.14.5', jetstream: true, seq: 12 },
    data: {
      memory: memory[0],
      storage: file[0],
      reserved_memory: memory[1],
      reserved_storage: file[1],
      accounts: 1,
      config: { max_memory: memory[2], max_storage: file[2], store_dir: '/data/jetstream' },
      streams: 6,
    },
  });
}

describe('the storage of the servers', () => {
  test('is that of one server, of each kind that it has', () => {
    expect(fullestStorage([answer({ file: [5, 70, 100], memory: [1, 2, 50] })])).toEqual([
      { storage: 'file', usedBytes: 5, reservedBytes: 70, limitBytes: 100 },
      { storage: 'memory', usedBytes: 1, reservedBytes: 2, limitBytes: 50 },
    ]);
  });

  test.each([
    ['reserved most', [answer({ file: [5, 70, 100] }), answer({ file: [60, 60, 100] })], 70],
    ['stored most', [answer({ file: [5, 70, 100] }), answer({ file: [90, 60, 100] })], 60],
    ['has the least room for what it reserved', [answer({ file: [0, 80, 1_000] }), answer({ file: [0, 70, 100] })], 70],
  ])('of several servers is that of the one that %s', (_which, answers, reservedBytes) => {
    expect(fullestStorage(answers)).toMatchObject([{ storage: 'file', reservedBytes }]);
    expect(fullestStorage(answers.toReversed())).toMatchObject([{ storage: 'file', reservedBytes }]);
  });

  test('may be of one server for files and of another for memory', () => {
    const servers = [
      answer({ file: [0, 9, 10], memory: [0, 1, 10] }),
      answer({ file: [0, 2, 10], memory: [0, 8, 10] }),
    ];
    expect(fullestStorage(servers)).toMatchObject([
      { storage: 'file', reservedBytes: 9 },
      { storage: 'memory', reservedBytes: 8 },
    ]);
  });

  test.each([
    ['no text', ''],
    ['no JSON', '{"data":'],
    ['another value', '[1]'],
    ['nothing', 'null'],
    ['an error', '{"server":{},"error":{"code":500,"description":"no"}}'],
    ['data of another kind', '{"data":"full"}'],
    ['no configuration', '{"data":{"storage":1,"reserved_storage":1}}'],
    ['a server without JetStream', '{"data":{"disabled":true,"config":{"max_memory":0,"max_storage":0}}}'],
    ['texts for figures', answer({ file: ['5', '70', '100'] })],
    ['a figure below zero', answer({ file: [5, -1, 100] })],
    [
      'a count that wrapped around',
      answer({ file: [5, 0, 100] }).replace(':0,"accounts"', ':18446744073709551615,"accounts"'),
    ],
    ['half a byte', answer({ file: [5.5, 70, 100] })],
  ])('is unknown where a server answers %s, and the others count', (_what, bad) => {
    expect(fullestStorage([bad])).toEqual([]);
    expect(fullestStorage([bad, answer({ file: [5, 70, 100] }), bad])).toMatchObject([{ reservedBytes: 70 }]);
  });

  test('is read of the kind that is sound when the other is not', () => {
    expect(fullestStorage([answer({ file: [-1, 0, 100], memory: [1, 2, 50] })])).toMatchObject([{ storage: 'memory' }]);
  });

  test('is a figure or absent, whatever the answers are', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.json(), fc.string())), (answers) => {
        for (const { limitBytes } of fullestStorage(answers)) expect(limitBytes).toBeGreaterThan(0);
      }),
    );
  });
});
