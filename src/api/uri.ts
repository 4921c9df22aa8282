/** What the texts that name places (data sets, models, stores) say; their grammar is in the CRD's rules. */

const uriSchemes = ['package', 'file', 'pvc', 'https', 's3'] as const;
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
