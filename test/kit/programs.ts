/** The programs of Distillery as they ship: what tests start as processes. `npm run build` writes them. */
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../../dist/programs');

/** @param name path of its source without extension, e.g. `workers/student/main` */
export function program(name: string): string {
  return join(folder, `${name}.js`);
}

/** `distill`, and `kubectl distill` by the name of its link. */
export const distillProgram = program('src/cli/main');
