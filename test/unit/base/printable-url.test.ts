/** What a message shows of a text that may hold the login of a URL. */
import { withoutLogins } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

describe('a text without its logins', () => {
  test.each([
    ['https://user:pa/s@s@host/x y', 'https://…@host/x y'],
    ['a nats://token@h b\ttls://u:p@h', 'a nats://…@h b\ttls://…@h'],
    ['(HTTPS://u@h)', '(HTTPS://…@h)'],
    ['1://u@h ://u@h', '1://…@h ://…@h'],
    ['file:///a,https://u:p@h', 'file://…@h'],
    ['xfile://u:p@h', 'xfile://…@h'],
    ['package://@scope/name', 'package://@scope/name'],
    ['file:///data@2 FILE://a@b', 'file:///data@2 FILE://a@b'],
    ['someone@host', 'someone@host'],
    ['https://host/x', 'https://host/x'],
  ])('of %j is %j', (text, shown) => {
    expect(withoutLogins(text)).toBe(shown);
  });

  test('takes no longer for a word of a million letters than it takes to read it', () => {
    const word = 'a'.repeat(1_000_000);
    expect(withoutLogins(`${word}@://${word}`)).toHaveLength(2_000_004);
    expect(withoutLogins(`${word}://${word}@`)).toHaveLength(1_000_005);
  });
});
