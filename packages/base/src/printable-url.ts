const schemes = /^(https?|socks[45]?[ah]?):$/;

/**
 * The address of an API server or a proxy for a message: without user, password, query and fragment. For a text of which part of a login
 * could be taken for host or path, as of `https://user:pa/ss@host`, words that hold nothing of it.
 */
export function printableUrl(text: string): string {
  const withoutLogin = text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#@\\]*@/i, '$1');
  if (withoutLogin.includes('@') || !URL.canParse(withoutLogin)) return '(an address that cannot be read)';
  const { protocol, host, pathname } = new URL(withoutLogin);
  return host === '' || !schemes.test(protocol)
    ? '(an address that cannot be read)'
    : `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** Uris of these schemes have no host, and so no login before it. */
const hostless = /(?:^|[^a-z0-9+.-])(?:package|file|pvc|configmap)$/i;

/**
 * Any text for a message, with what may be the login of a URL in it replaced by a mark: all up to the last `@` of a word.
 * Takes time in proportion to the text: a person may write one of any length.
 */
export function withoutLogins(text: string): string {
  if (!text.includes('://') || !text.includes('@')) return text;
  return text.split(/(\s)/).map(withoutLogin).join('');
}

function withoutLogin(word: string): string {
  const scheme = word.indexOf('://');
  const end = word.lastIndexOf('@');
  if (scheme < 0 || end < scheme) return word;
  const isOneUri = !word.includes('://', scheme + 1);
  if (isOneUri && hostless.test(word.slice(Math.max(0, scheme - longestScheme), scheme))) return word;
  return `${word.slice(0, scheme)}://…${word.slice(end)}`;
}

/** Of the hostless ones, and the character before it. */
const longestScheme = 'configmap'.length + 1;
