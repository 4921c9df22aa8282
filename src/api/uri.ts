/** What the texts that name places (data sets, models, stores) say; their grammar is in the CRD's rules. */

const uriSchemes = ['package', 'file', 'pvc', 'configmap', 'https', 's3'] as const;
export type UriScheme = (typeof uriSchemes)[number];

/** @returns the scheme of a validated data set's or model's uri; undefined for a text of another form. */
export function uriScheme(uri: string): UriScheme | undefined {
  return uriSchemes.find((scheme) => uri.startsWith(`${scheme}://`));
}

const storeKinds = ['nats', 'file', 'pvc', 's3'] as const;
export type StoreKind = (typeof storeKinds)[number];

/** @returns what kind of place a validated `store` names; undefined for a text of another form. */
export function storeKind(store: string): StoreKind | undefined {
  return storeKinds.find((kind) => store === kind || store.startsWith(`${kind}://`));
}

/** A place in a PersistentVolumeClaim. */
export interface ClaimPlace {
  readonly claim: string;
  /** From the volume's root, without slashes at its ends; empty = the root itself. */
  readonly path: string;
}

/** @returns the place that a validated `pvc://CLAIM/PATH` names, uri or store; undefined for any other text. */
export function claimPlace(text: string): ClaimPlace | undefined {
  const [, claim, path = ''] = /^pvc:\/\/([^/]+)(?:\/+(.*))?$/.exec(text) ?? [];
  return claim === undefined ? undefined : { claim, path: path.replace(/\/+$/, '') };
}

export interface ConfigMapPlace {
  readonly name: string;
  readonly key: string;
}

/** @returns the file that a validated `configmap://NAME/KEY` names; undefined for any other text. */
export function configMapPlace(uri: string): ConfigMapPlace | undefined {
  const [, name, key] = /^configmap:\/\/([^/]+)\/([^/]+)$/.exec(uri) ?? [];
  return name === undefined || key === undefined ? undefined : { name, key };
}
