/** What a job says about the inputs of a model, of teacher and student alike. */
import type { Manifest } from '@distillery/protocol';

/** Roles that a tokenizer's output can play. */
export const tokenRoles = ['Ids', 'Mask', 'TypeIds'] as const;
export type TokenRole = (typeof tokenRoles)[number];

export type InputSetting = Omit<NamedInputSetting, 'name'>;
export type NamedInputSetting = NonNullable<Manifest['teacher']['inputs']>[number];
export type TokenizerSetting = NonNullable<Manifest['teacher']['tokenizer']>;
