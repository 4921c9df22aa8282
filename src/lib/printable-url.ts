const schemes = /^(https?|socks[45]?[ah]?):$/;

/**
 * The address of an API server or a proxy for a message: without user, password, query and fragment. For a text of which
 * part of a login could be taken for host or path, as of `https://user:pa/ss@host`, words that hold nothing of it.
 */
export function printableUrl(text: string): string {
  const withoutLogin = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#@\\]*@/i, '$1');
  if (withoutLogin.includes('@') || !URL.canParse(withoutLogin)) return '(an address that cannot be read)';
  const { protocol, host, pathname } = new URL(withoutLogin);
  return host === '' || !schemes.test(protocol)
    ? '(an address that cannot be read)'
    : `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** Any text for a message, with what may be the login of a URL in it replaced by a mark: all up to the last `@` of a word. */
export function withoutLogins(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)\S*@/gi, '$1…@');
}
