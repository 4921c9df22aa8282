/** All examples (examples/README.md says how to add one). */
import { emoji } from '../../examples/emoji/example.ts';
import { fileTypes } from '../../examples/file-types/example.ts';
import { mnist, mnistSmall } from '../../examples/mnist/example.ts';
import { mnistUnseen } from '../../examples/mnist/unseen.ts';
import { sentences } from '../../examples/sentences/example.ts';
import { tabular } from '../../examples/tabular/example.ts';
import { topics } from '../../examples/topics/example.ts';

import type { Example } from './example.ts';

export const examples: readonly Example[] = [
  mnist,
  mnistSmall,
  mnistUnseen,
  fileTypes,
  sentences,
  topics,
  emoji,
  tabular,
];
