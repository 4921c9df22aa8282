/** How the scheduler of a run chooses nodes: as clusters of accelerators usually have it, and as the simulator does. */

/**
 * Packs by accelerators, so that whole nodes stay whole. Off is what would pull pods of one Deployment apart or weigh cores
 * against accelerators; what pods ask for themselves (affinity) counts as ever.
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
