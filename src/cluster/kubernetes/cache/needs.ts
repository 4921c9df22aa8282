/** The needs of pools, one object for all that ask alike: boards know an object again without reading it. */
import type { TeacherPool } from '../../../api/index.js';
import type { PodNeeds } from '../../../domain/index.js';
import { podNeeds } from '../../../render/index.js';

/** More kinds of pods than a cluster has; beyond it they are only read once more. */
const mostKinds = 10_000;

export class Needs {
  readonly #bySignature = new Map<string, PodNeeds>();
  readonly #byPool = new WeakMap<TeacherPool, PodNeeds>();

  of(pool: TeacherPool): PodNeeds {
    const known = this.#byPool.get(pool) ?? this.#alike(podNeeds(pool));
    this.#byPool.set(pool, known);
    return known;
  }

  #alike(needs: PodNeeds): PodNeeds {
    const signature = JSON.stringify(needs);
    const known = this.#bySignature.get(signature);
    if (known !== undefined) return known;
    if (this.#bySignature.size >= mostKinds) this.#bySignature.clear();
    this.#bySignature.set(signature, needs);
    return needs;
  }
}
