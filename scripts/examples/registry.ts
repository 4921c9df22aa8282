/** All examples. To add one, write `examples/NAME/example.ts` and a line here. */
import { fileTypes } from '../../examples/file-types/example.ts';
import { mnist } from '../../examples/mnist/example.ts';

import type { Example } from './example.ts';

export const examples: readonly Example[] = [mnist, fileTypes];
