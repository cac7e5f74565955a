// How does Flux get into a private repository? One Secret a repository, beside the sources, which source-controller alone reads.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { type CredentialsArgs, githubApi, secretData, usualUser } from "../delivery/credentials.ts";
import { refuse } from "../problems.ts";
import { labels } from "../workload.ts";
import type { Delivery } from "./agent.ts";
import type { Flux, FluxFacts } from "./flux.ts";

/** What of a GitRepository says how it is read. */
export interface FluxAccess {
  readonly given: CredentialsArgs | undefined;
  readonly spec: { readonly secretRef?: { readonly name: pulumi.Input<string> }; readonly provider?: "github" };
  /** What a source needs before it is declared. */
  readonly after: readonly pulumi.Resource[];
}

/** Declares how a repository is read, once a repository. @throws InvalidDeclaration where two apps say it otherwise */
export const accessOf = (flux: Flux, facts: FluxFacts, { name, repository, credentials }: Delivery): FluxAccess => {
  const known = facts.access.get(repository);
  if (known && known.given !== credentials) {
    const allowed = `the same value as the other apps of ${repository}`;
    refuse(`App ${name}`, [{ field: "credentials", value: credentials && Object.keys(credentials), allowed }]);
  }
  const access = known ?? declare(flux, facts, repository, credentials);
  facts.access.set(repository, access);
  return access;
};

const declare = (
  flux: Flux,
  facts: FluxFacts,
  repository: string,
  credentials: CredentialsArgs | undefined,
): FluxAccess => {
  if (!credentials) return { given: credentials, spec: {}, after: [] };
  const opts = { parent: flux, dependsOn: facts.ready };
  const object = `git-${createHash("sha256").update(repository).digest("hex").slice(0, 6)}`;
  const name = `${facts.name}-${object}`;
  const metadata = { name: object, namespace: facts.namespace, labels: labels("source-controller") };
  const secret = new k8s.core.v1.Secret(name, { metadata, data: secretData(fieldsOf(repository, credentials)) }, opts);
  const role = new k8s.rbac.v1.Role(
    name,
    { metadata, rules: [{ apiGroups: [""], resources: ["secrets"], resourceNames: [object], verbs: ["get"] }] },
    opts,
  );
  const binding = new k8s.rbac.v1.RoleBinding(
    name,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
      subjects: [{ kind: "ServiceAccount", name: "source-controller", namespace: facts.namespace }],
    },
    opts,
  );
  const provider = credentials.githubApp ? ({ provider: "github" } as const) : {};
  return { given: credentials, spec: { secretRef: { name: secret.metadata.name }, ...provider }, after: [binding] };
};

const fieldsOf = (
  repository: string,
  { sshKey, knownHosts, token, username = usualUser, githubApp, ca }: CredentialsArgs,
): Record<string, pulumi.Input<string>> => ({
  ...(sshKey !== undefined && { identity: sshKey }),
  ...(knownHosts !== undefined && { known_hosts: knownHosts }),
  ...(token !== undefined && { username, password: token }),
  ...(githubApp && {
    githubAppID: githubApp.id,
    githubAppInstallationID: githubApp.installation,
    githubAppPrivateKey: githubApp.key,
    githubAppBaseURL: githubApi(repository),
  }),
  ...(ca !== undefined && { "ca.crt": ca }),
});
