/**
 * Removes secrets from log lines: by the name of their field, and by their form anywhere in a text. It is the last
 * guard; no caller may rely on it.
 */

/** A field of a JSON line that holds a secret. */
const secretField =
  /"((?:[a-z]*_?)?(?:password|passwd|pass|secret|token|seed|creds|credentials|authorization|jwt|private_?key))":"(?:[^"\\]|\\.)*"/gi;
/** User and password of a URL, up to the last `@`: people do not encode the characters of a password. */
const login = /([a-z][a-z0-9+.-]*:\/\/)(?:[^\s"\\]|\\.)*@/gi;
/**
 * Seeds of nkeys: of users, accounts, operators, servers, clusters and curves. JSON writes a line break before one as `\n`,
 * where a word boundary would miss it.
 */
const seed = /(?<![A-Z2-7])S[UAONCX][A-Z2-7]{56}(?![A-Z2-7])/g;
/** User credentials of NATS, tokens of ServiceAccounts. */
const jwt = /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/g;
const bearer = /(Bearer|Basic) [\w.~+/=-]{8,}/gi;
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----/gs;

/** @param line a line of JSON. @returns a line of JSON */
export function redacted(line: string): string {
  return line
    .replace(secretField, '"$1":"…"')
    .replace(login, '$1…@')
    .replace(seed, '…')
    .replace(jwt, '…')
    .replace(bearer, '$1 …')
    .replace(privateKey, '…');
}
