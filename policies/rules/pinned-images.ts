// Is it said which image runs, and from where?
import type { ObjectRule } from "../rule.ts";

// registry/repository, then a tag, a digest or both. A registry is told from a folder of Docker Hub by a dot, a port or
// the name localhost, as container runtimes do it.
const registry = "[a-zA-Z0-9-]+(\\\\.[a-zA-Z0-9-]+)+(:[0-9]+)?|[a-zA-Z0-9-]+:[0-9]+|localhost";
const repository = "[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*";
const pinned = `^(${registry})/${repository}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?$`;

export default {
  id: "pinned-images",
  title: "Images name their registry, and a digest or a tag other than latest",
  why: "Without a tag, or with latest, a restart may bring another program than the one that was reviewed; without a registry the node decides where it comes from.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/containers/images/",
  match: "pods",
  expression: `(variables.containers.filter(x, !x.c.?image.orValue("").matches("${pinned}")
        || !(x.c.image.contains("@sha256:") || x.c.image.matches(":[^/:@]+$"))
        || (!x.c.image.contains("@sha256:") && x.c.image.endsWith(":latest")))
      .map(x, x.at + ".image"))
    + variables.spec.?volumes.orValue([]).filter(v, has(v.image) && (!v.image.?reference.orValue("").matches("${pinned}")
        || !(v.image.reference.contains("@sha256:") || v.image.reference.matches(":[^/:@]+$"))
        || (!v.image.reference.contains("@sha256:") && v.image.reference.endsWith(":latest"))))
      .map(v, variables.at + ".volumes[" + v.name + "].image.reference")`,
  wayOut: "Write it as registry/repository:version, better with @sha256:<digest>",
  valid: [
    { spec: { containers: [{ name: "app", image: "registry.example/team/app:1.2.3" }] } },
    { spec: { containers: [{ name: "app", image: `docker.io/library/nginx:latest@sha256:${"a".repeat(64)}` }] } },
    { spec: { containers: [{ name: "app", image: `localhost:5000/app@sha256:${"0".repeat(64)}` }] } },
  ],
  invalid: [
    { spec: { containers: [{ name: "app", image: "registry.example/app" }] } },
    { spec: { containers: [{ name: "app", image: "registry.example/app:latest" }] } },
    { spec: { containers: [{ name: "app", image: "nginx:1.2.3" }] } },
    { spec: { containers: [{ name: "app", image: "team/app:1.2.3" }] } },
    { spec: { containers: [{ name: "app", image: "localhost:5000/app" }] } },
    { spec: { containers: [{ name: "app", image: "registry.example/app@sha256:abc" }] } },
    { spec: { initContainers: [{ name: "first", image: "registry.example/App:1" }] } },
    { spec: { volumes: [{ name: "v", image: { reference: "registry.example/data" } }] } },
  ],
} satisfies ObjectRule;
