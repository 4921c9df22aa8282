/** Pods that tests make themselves, within the restricted Pod Security Standard as the operator's are. */
import type { Image } from './images.js';

export interface PodOptions {
  /** JavaScript that the image's Node runs, instead of one of its programs. */
  readonly code?: string;
  readonly args?: readonly string[];
  readonly namespace?: string;
  readonly node?: string;
  readonly limits?: Readonly<Record<string, string>>;
  /** Claims by the folder where they are mounted. */
  readonly claims?: Readonly<Record<string, { readonly name: string; readonly readOnly: boolean }>>;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Name of the only container. */
const container = 'worker';

export function restrictedPod(name: string, image: Image, options: PodOptions): object {
  const { code, args = ['--input-type=module', '--eval', code ?? ''], namespace = 'default', node } = options;
  const { limits = {}, claims = {}, environment = {} } = options;
  const volumes = Object.entries(claims).map(([path, { name: claim, readOnly }], index) => ({
    mount: { name: `volume-${index}`, mountPath: path, readOnly },
    volume: { name: `volume-${index}`, persistentVolumeClaim: { claimName: claim } },
  }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      ...(node === undefined ? {} : { nodeName: node }),
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: container,
          image: image.name,
          imagePullPolicy: 'Never',
          args,
          env: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
          resources: { limits },
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: volumes.map(({ mount }) => mount),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
      volumes: volumes.map(({ volume }) => volume),
    },
  };
}
