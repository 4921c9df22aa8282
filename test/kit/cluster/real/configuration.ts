/** Configuration of a node's programs: containerd, the network of its pods, kubelet. Pure text. */
import { hostAddress, subnet } from './host-resources.js';
import { clusterDomain } from './names.js';

export interface NodePlace {
  readonly name: string;
  /** Folder of all files of this node. */
  readonly folder: string;
  /** Address on the bridge. */
  readonly address: string;
  /** First and last address of its pods. */
  readonly pods: readonly [string, string];
}

/** The bridge inside a node, which connects its pods and its uplink. */
const nodeBridge = 'cni0';
/** In the node's own /run, which neither other nodes nor this machine see. */
export const containerdSocket = '/run/containerd/containerd.sock';

/** Maximum number of nodes; each has a third of the subnet's addresses, except for those of the hosts. */
const maxNodes = 2;

export function nodePlace(index: number, siteFolder: string): NodePlace {
  if (index >= maxNodes) throw new Error(`real nodes: found number ${index + 1}, expected at most ${maxNodes}`);
  const prefix = hostAddress.slice(0, hostAddress.lastIndexOf('.'));
  const first = 16 + index * 120;
  return {
    name: `node-${index + 1}`,
    folder: `${siteFolder}/node-${index + 1}`,
    address: `${prefix}.${2 + index}`,
    pods: [`${prefix}.${first}`, `${prefix}.${first + 118}`],
  };
}

/**
 * The node's first process, as a shell script. When it ends, the kernel ends every process of the node, since it is number
 * 1 of the node's process namespace; mounts, interfaces and rules go with the last process. Meanwhile it reaps children.
 */
export function firstProcess(masked: readonly string[]): string {
  return `set -e
trap 'exit 0' TERM
mount --make-rslave /
for folder in ${masked.join(' ')}; do mount -t tmpfs tmpfs $folder; done
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1
# The last of this: who sees it may come in.
touch /run/ready
sleep infinity & wait
`;
}

/**
 * Connects the node and its pods to the outer bridge, and adds a rule for the only Service that programs in pods must
 * reach.
 */
export function nodeNetwork({ address }: NodePlace, service: string, apiServerPort: number): string {
  const translate = `-d ${service} -p tcp --dport 443 -j DNAT --to-destination ${hostAddress}:${apiServerPort}`;
  return `set -e
ip link add ${nodeBridge} type bridge
ip link set eth0 master ${nodeBridge} up
ip address add ${address}/24 dev ${nodeBridge}
ip link set ${nodeBridge} up
ip route add default via ${hostAddress}
iptables -w -t nat -A PREROUTING ${translate}
iptables -w -t nat -A OUTPUT ${translate}
# Answers must come back this way, though the API server and the pod share a link.
iptables -w -t nat -A POSTROUTING -d ${hostAddress} -p tcp --dport ${apiServerPort} -m conntrack --ctstate DNAT -j MASQUERADE
`;
}

export function podNetwork({ address, pods: [rangeStart, rangeEnd] }: NodePlace): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'distillery',
    plugins: [
      {
        type: 'bridge',
        bridge: nodeBridge,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet, rangeStart, rangeEnd, gateway: address }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  });
}

export function containerdConfiguration({ folder }: NodePlace, pauseImage: string): string {
  return `version = 2
root = "${folder}/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Without CAP_SYS_RESOURCE no process may be made less likely to be killed.
  restrict_oom_score_adj = true
  disable_tcp_service = true
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${folder}/cni"
`;
}

export interface KubeletFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface KubeletOptions {
  readonly cgroupRoot: string;
  readonly files: KubeletFiles;
  /** Pods get the name service of names.ts, which must run. */
  readonly names: boolean;
}

export function kubeletConfiguration(
  { folder, address }: NodePlace,
  { cgroupRoot, files, names }: KubeletOptions,
): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    readOnlyPort: 0,
    tlsCertFile: files.certificate,
    tlsPrivateKeyFile: files.key,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: files.authority },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    oomScoreAdj: 0,
    // Pods reach only addresses of the bridge: no other name server, and no timeouts of one.
    ...(names ? { clusterDNS: [hostAddress], clusterDomain } : {}),
    resolvConf: `${folder}/resolv.conf`,
    podLogsDir: `${folder}/pod-logs`,
    volumePluginDir: `${folder}/volume-plugins`,
    staticPodPath: '',
    makeIPTablesUtilChains: false,
    // Images on the node cannot be fetched again.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '50Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    // Report the status often: tests wait for it.
    nodeStatusUpdateFrequency: '5s',
    syncFrequency: '10s',
  });
}
