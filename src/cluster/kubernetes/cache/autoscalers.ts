/**
 * Autoscalers of others, by the Deployment that they are aimed at. KEDA makes a HorizontalPodAutoscaler of each ScaledObject
 * that scales, so that this one built-in kind shows both; the owner's name is the one that a person knows. Pure.
 */
import type { RawObject } from './views.js';

export interface RawAutoscaler extends RawObject {
  readonly spec?: {
    readonly scaleTargetRef?: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string };
  };
}

export interface AutoscalerView {
  readonly uid: string;
  readonly namespace: string;
  /** What a person made: the ScaledObject, where there is one. */
  readonly kind: 'HorizontalPodAutoscaler' | 'ScaledObject';
  readonly name: string;
  /** Name of the Deployment. */
  readonly deployment: string;
}

/** @returns null for an autoscaler of anything but a Deployment */
export function autoscalerView({ metadata, spec }: RawAutoscaler): AutoscalerView | null {
  const { apiVersion = '', kind, name = '' } = spec?.scaleTargetRef ?? {};
  // An absent group means the built-in one; the autoscaler ignores the version.
  if (kind !== 'Deployment' || name === '' || !/^(apps\/|$)/.test(apiVersion)) return null;
  const { uid, namespace, ownerReferences = [] } = metadata;
  const maker = ownerReferences.find((owner) => owner.kind === 'ScaledObject');
  const known = { uid, namespace, deployment: name };
  return maker === undefined
    ? { ...known, kind: 'HorizontalPodAutoscaler', name: metadata.name }
    : { ...known, kind: 'ScaledObject', name: maker.name };
}

export class AutoscalerIndex {
  /** By namespace and Deployment, then by uid. */
  readonly #views = new Map<string, Map<string, AutoscalerView>>();

  /** In the order of their names. */
  of(namespace: string, deployment: string): readonly AutoscalerView[] {
    const found = [...(this.#views.get(keyOf({ namespace, deployment }))?.values() ?? [])];
    return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Takes in a change from the watch. */
  observed(before: AutoscalerView | null, after: AutoscalerView | null): void {
    if (before !== null) {
      const views = this.#views.get(keyOf(before));
      views?.delete(before.uid);
      if (views?.size === 0) this.#views.delete(keyOf(before));
    }
    if (after === null) return;
    const views = this.#views.get(keyOf(after)) ?? new Map<string, AutoscalerView>();
    views.set(after.uid, after);
    this.#views.set(keyOf(after), views);
  }
}

function keyOf({ namespace, deployment }: Pick<AutoscalerView, 'namespace' | 'deployment'>): string {
  return `${namespace}/${deployment}`;
}
