// Where do volumes of the local cluster live? In a folder of the node, made by local-path-provisioner on request.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { image } from "../versions.ts";
import { labels, podSecurity, restrictedContainer, restrictedPod } from "../workload.ts";

/** Arguments of {@link LocalPath}. */
export interface LocalPathArgs {
  /** Folder on each node that holds the volumes. Default: "/var/lib/plumbline/volumes". */
  folder?: string;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
}

// A namespace of its own: the helper pods that make and remove a volume's folder mount the node's file system, which
// no Pod Security level but "privileged" allows. The provisioner itself keeps to "restricted".
const namespace = "local-path-storage";
const program = "local-path-provisioner";
const rbac = "rbac.authorization.k8s.io";

const helperPod = (mirror: string | undefined) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "helper" },
  spec: {
    priorityClassName: "system-node-critical",
    automountServiceAccountToken: false,
    containers: [
      {
        name: "helper",
        image: image("busybox", mirror),
        imagePullPolicy: "IfNotPresent",
        // Root on the node's folder, and nothing else: it makes and removes directories.
        securityContext: {
          runAsUser: 0,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"], add: ["DAC_OVERRIDE", "FOWNER"] },
          seccompProfile: { type: "RuntimeDefault" },
        },
        resources: { requests: { cpu: "10m", memory: "8Mi" }, limits: { memory: "32Mi" } },
      },
    ],
  },
});

/**
 * The default StorageClass of a cluster whose nodes keep the volumes, and one for data that must not go by mistake.
 *
 * @example
 * new LocalPath("storage", { folder: "/srv/volumes" });
 */
export class LocalPath extends pulumi.ComponentResource {
  /** StorageClass whose volumes stay when their claims go. */
  readonly retainingClass: string = "local-path-retain";

  constructor(name: string, args: LocalPathArgs = {}, opts: pulumi.ComponentResourceOptions = {}) {
    super("plumbline:index:LocalPath", name, { ...args }, opts);
    const parent = { parent: this };
    const home = new k8s.core.v1.Namespace(
      name,
      { metadata: { name: namespace, labels: podSecurity("privileged") } },
      parent,
    );
    const within = { parent: this, dependsOn: home };
    const metadata = { name: program, namespace, labels: labels(program) };
    const account = new k8s.core.v1.ServiceAccount(name, { metadata, automountServiceAccountToken: false }, within);
    const subjects = [{ kind: "ServiceAccount", name: program, namespace }];
    new k8s.rbac.v1.ClusterRole(
      name,
      {
        metadata: { name: `plumbline:${program}` },
        rules: [
          {
            apiGroups: [""],
            resources: ["configmaps", "nodes", "persistentvolumeclaims", "pods"],
            verbs: ["get", "list", "watch"],
          },
          {
            apiGroups: [""],
            resources: ["persistentvolumes"],
            verbs: ["get", "list", "watch", "create", "patch", "update", "delete"],
          },
          { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
          { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: ["get", "list", "watch"] },
        ],
      },
      parent,
    );
    const bindings = [
      new k8s.rbac.v1.ClusterRoleBinding(
        name,
        {
          metadata: { name: `plumbline:${program}` },
          roleRef: { apiGroup: rbac, kind: "ClusterRole", name: `plumbline:${program}` },
          subjects,
        },
        within,
      ),
      new k8s.rbac.v1.RoleBinding(
        `${name}-helpers`,
        {
          metadata: { name: "helpers", namespace },
          roleRef: { apiGroup: rbac, kind: "Role", name: "helpers" },
          subjects,
        },
        within,
      ),
    ];
    new k8s.rbac.v1.Role(
      `${name}-helpers`,
      {
        metadata: { name: "helpers", namespace },
        rules: [
          { apiGroups: [""], resources: ["pods"], verbs: ["create", "delete"] },
          { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
        ],
      },
      within,
    );
    const config = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { ...metadata, name: "local-path-config" },
        data: {
          "config.json": JSON.stringify({
            nodePathMap: [
              { node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [args.folder ?? "/var/lib/plumbline/volumes"] },
            ],
          }),
          setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n',
          teardown: '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
          // JSON is YAML too.
          "helperPod.yaml": JSON.stringify(helperPod(args.mirror)),
        },
      },
      within,
    );
    new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas: 1,
          strategy: { type: "Recreate" },
          selector: { matchLabels: labels(program) },
          template: {
            metadata: { labels: labels(program) },
            spec: {
              serviceAccountName: account.metadata.name,
              automountServiceAccountToken: true,
              securityContext: restrictedPod,
              containers: [
                {
                  name: program,
                  image: image(program, args.mirror),
                  imagePullPolicy: "IfNotPresent",
                  // By name, since the vendor's image has no entry point; the local image has the program on its PATH.
                  command: [program],
                  // Its helper pods ask the API for nothing: they run as the account that may do nothing.
                  args: ["start", "--config", "/etc/config/config.json", "--service-account-name", "default"],
                  env: [
                    { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
                    { name: "CONFIG_MOUNT_PATH", value: "/etc/config/" },
                  ],
                  resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                  securityContext: restrictedContainer,
                  volumeMounts: [{ name: "config", mountPath: "/etc/config", readOnly: true }],
                },
              ],
              volumes: [{ name: "config", configMap: { name: config.metadata.name } }],
            },
          },
        },
      },
      { parent: this, dependsOn: bindings },
    );
    // Kubelets measure volumes of this type, and not those of type `hostPath`: no alert would hear of a full one.
    const measured = { defaultVolumeType: "local" };
    const storage = (resource: string, metadata: k8s.types.input.meta.v1.ObjectMeta, reclaimPolicy: string) =>
      new k8s.storage.v1.StorageClass(
        resource,
        { metadata, provisioner: "rancher.io/local-path", volumeBindingMode: "WaitForFirstConsumer", reclaimPolicy },
        parent,
      );
    const standard = { "storageclass.kubernetes.io/is-default-class": "true", ...measured };
    storage(name, { name: "local-path", annotations: standard }, "Delete");
    storage(`${name}-retain`, { name: this.retainingClass, annotations: measured }, "Retain");
    this.registerOutputs({});
  }
}
