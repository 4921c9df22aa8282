/** The scheduler's profile of a run, as usual in clusters of accelerators and as in the simulator. */

/**
 * Packs by accelerators, so that whole nodes stay whole. Plugins that would spread the pods of one Deployment or weigh
 * cores against accelerators are disabled; the pods' own affinity still counts.
 * @param resource name of the accelerators
 */
export function packing(resource: string): object {
  return {
    plugins: {
      score: { disabled: [{ name: 'PodTopologySpread' }, { name: 'NodeResourcesBalancedAllocation' }] },
    },
    pluginConfig: [
      {
        name: 'NodeResourcesFit',
        args: {
          apiVersion: 'kubescheduler.config.k8s.io/v1',
          kind: 'NodeResourcesFitArgs',
          scoringStrategy: { type: 'MostAllocated', resources: [{ name: resource, weight: 1 }] },
        },
      },
    ],
  };
}
