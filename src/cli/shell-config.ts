/** What every command takes from the environment. It imports nothing: reading it costs no command any time. */

export interface ShellConfig {
  /** KUBECONFIG: paths with the system's separator between them. */
  readonly kubeconfig: string | undefined;
  /** Where the kubelet says the API server is; empty strings outside of a pod. */
  readonly pod: { readonly host: string; readonly port: string };
  /** True when the terminal cannot move its cursor. */
  readonly dumbTerminal: boolean;
  /** False when NO_COLOR asks for plain text (no-color.org). */
  readonly color: boolean;
  /** DISTILL_LOG_LEVEL: how much of an internal error is printed. */
  readonly faults: 'sentence' | 'stack';
}

export function readShellConfig(environment: NodeJS.ProcessEnv): ShellConfig {
  return {
    kubeconfig: environment.KUBECONFIG,
    pod: { host: environment.KUBERNETES_SERVICE_HOST ?? '', port: environment.KUBERNETES_SERVICE_PORT ?? '' },
    dumbTerminal: environment.TERM === 'dumb',
    color: (environment.NO_COLOR ?? '') === '',
    faults: ['debug', 'trace'].includes(environment.DISTILL_LOG_LEVEL ?? '') ? 'stack' : 'sentence',
  };
}
