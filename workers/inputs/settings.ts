/** What a job says about the inputs of a model, of teacher and student alike. */
import type { Manifest } from '@distillery/protocol';

/** Roles that a tokenizer's output can play. */
export type TokenRole = NonNullable<NamedInputSetting['tokens']>;

export type InputSetting = Omit<NamedInputSetting, 'name'>;
export type NamedInputSetting = NonNullable<Manifest['teacher']['inputs']>[number];
export type TokenizerSetting = NonNullable<Manifest['teacher']['tokenizer']>;
