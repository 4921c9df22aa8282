/** All examples (examples/README.md says how to add one). */
import { emoji } from '../../examples/emoji/example.ts';
import { fileTypes } from '../../examples/file-types/example.ts';
import { mnist } from '../../examples/mnist/example.ts';
import { sentences } from '../../examples/sentences/example.ts';
import { tabular } from '../../examples/tabular/example.ts';
import { topics } from '../../examples/topics/example.ts';

import type { Example } from './example.ts';

export const examples: readonly Example[] = [mnist, fileTypes, sentences, topics, emoji, tabular];
