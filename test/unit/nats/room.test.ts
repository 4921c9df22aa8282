/** What is said to the operator and to a worker where JetStream has no room. */
import { sentenceOf } from '@distillery/base';
import { roomFault, type Shortage } from '@distillery/nats';
import { describe, expect, test } from '@jest/globals';

const MiB = 1024 ** 2;

const saving = 'lower spec.logits.maxBytes';
const settings = "the namespace's limits";
const roomSentence = (shortage: Shortage): string => sentenceOf({ about: '', ...roomFault(shortage) });

describe('the sentence about a lack of room', () => {
  const text = 'insufficient storage resources available';

  test('about an account says its figures, and never speaks of a disk', () => {
    const account = { limitBytes: 32 * MiB, reservedBytes: 1.5 * MiB, wantedBytes: 64 * MiB };
    expect(roomSentence({ limit: 'account', text, account, settings, saving })).toBe(
      "a limit of the job's NATS account is reached (insufficient storage resources available: of 32 MiB it has reserved " +
        '1.5 MiB, and this stream needs 64 MiB). Delete finished jobs, lower spec.logits.maxBytes, or ask the administrator ' +
        "to raise the namespace's limits.",
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

  test('about the stream itself says only how to need less room', () => {
    expect(roomSentence({ limit: 'stream', text, saving: 'lower spec.student.checkpoint.keep' })).toBe(
      `its own limit is reached (${text}). Lower spec.student.checkpoint.keep.`,
    );
    expect(roomSentence({ limit: 'stream', text })).toBe(`its own limit is reached (${text})`);
  });

  test('names nothing to lower to a reader who can lower nothing', () => {
    expect(roomSentence({ limit: 'account', text })).toBe(
      `a limit of the job's NATS account is reached (${text}). Delete finished jobs, or ask the administrator to raise the ` +
        'limits of that account.',
    );
  });
});
