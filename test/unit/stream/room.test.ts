/** Which limit keeps a stream from being made, and whom the sentence sends there. */
import { sentenceOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { accountSettings, limitOf, roomFault, type Shortage } from '../../../src/stream/room.js';

const MiB = 1024 ** 2;

const roomSentence = (shortage: Shortage): string => sentenceOf({ about: '', ...roomFault(shortage) });

describe('a code that the server has for the account and for itself', () => {
  test.each([
    ['no limit', null, 0, 2 ** 40, 'server'],
    ['room to spare', 100, 50, 50, 'server'],
    ['too little left', 100, 51, 50, 'account'],
    ['nothing at all', 0, 0, 1, 'account'],
  ] as const)('means, with %s in the account, what its figures say', (_, limitBytes, reservedBytes, wanted, limit) => {
    expect(limitOf({ limitBytes, reservedBytes }, wanted)).toBe(limit);
  });
});

describe('the sentence', () => {
  const text = 'insufficient storage resources available';

  test('about an account says its figures, and never speaks of a disk', () => {
    const account = { limitBytes: 32 * MiB, reservedBytes: 1.5 * MiB, wantedBytes: 64 * MiB };
    expect(roomSentence({ limit: 'account', text, account, settings: accountSettings.perNamespace })).toBe(
      "a limit of the job's NATS account is reached (insufficient storage resources available: of 32 MiB it has reserved " +
        '1.5 MiB, and this stream needs 64 MiB). Delete finished jobs, lower spec.logits.maxBytes, or ask the administrator ' +
        "to raise the namespace's limits in `nats.accounts` of the chart (DISTILLERY_NATS_ACCOUNT_LIMITS, " +
        'DISTILLERY_NATS_NAMESPACE_LIMITS).',
    );
  });

  test('about a number of streams does not advise to make them smaller', () => {
    const sentence = roomSentence({ limit: 'accountCount', text: 'maximum number of streams reached' });
    expect(sentence).toContain('ask the administrator to raise the limits of that account');
    expect(sentence).not.toMatch(/maxBytes|disk/);
  });

  test('about the server speaks of its disk, and of no account', () => {
    const sentence = roomSentence({ limit: 'server', text });
    expect(sentence).toMatch(/the JetStream store of the NATS server is full .* max_file_store/);
    expect(sentence).not.toContain('account');
  });

  test('names both where nothing says which', () => {
    expect(roomSentence({ limit: 'either', text })).toMatch(
      /either the storage limit of the job's NATS account .* or the store/,
    );
  });
});
