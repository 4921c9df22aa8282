/** All examples (examples/README.md says how to add one). */
import { fileTypes } from '../../examples/file-types/example.ts';
import { mnist } from '../../examples/mnist/example.ts';
import { sentences } from '../../examples/sentences/example.ts';
import { topics } from '../../examples/topics/example.ts';

import type { Example } from './example.ts';

export const examples: readonly Example[] = [mnist, fileTypes, topics, sentences];
