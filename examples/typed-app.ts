// An app in typed code instead of YAML, with kubernetesx: its ConfigMap, pod, Deployment and Service know each other.
import * as kx from "@pulumi/kubernetesx";

const config = new kx.ConfigMap("web", { metadata: { name: "web" }, data: { message: "Hello from typed code" } });
const data = new kx.PersistentVolumeClaim("web", {
  metadata: { name: "web-data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
});

const pod = new kx.PodBuilder({
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: { type: "RuntimeDefault" } },
  containers: [
    {
      name: "web",
      image: "plumbline.local/plumbline/hello:1",
      env: { MESSAGE: config.asEnvValue("message") },
      ports: { http: 8080 },
      volumeMounts: [config.mount("/config"), data.mount("/data")],
      resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
    },
  ],
});

const deployment = new kx.Deployment("web", { spec: pod.asDeploymentSpec({ replicas: 1 }) });

export const service = deployment.createService({ ports: [{ name: "http", port: 80, targetPort: 8080 }] }).metadata
  .name;
