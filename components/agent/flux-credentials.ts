// How does Flux get into a private repository, and whose signatures does it take? Secrets beside the sources, for source-controller.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type CredentialsArgs, githubApi, isArtifact, secretData, usualUser } from "../delivery/credentials.ts";
import { modeOf, Signed } from "../delivery/verification.ts";
import { refuse } from "../problems.ts";
import { labels } from "../workload.ts";
import type { Delivery } from "./agent.ts";
import type { Flux, FluxFacts } from "./flux.ts";

/** What of a source says how it is read. */
export interface FluxAccess {
  readonly given: Pick<Delivery, "credentials" | "verify">;
  readonly keys: pulumi.Input<string> | undefined;
  readonly spec: {
    readonly secretRef?: { readonly name: pulumi.Input<string> };
    readonly certSecretRef?: { readonly name: pulumi.Input<string> };
    readonly provider?: "github";
  };
  /** What a source needs before it is declared. */
  readonly after: readonly pulumi.Resource[];
}

/** Declares how a repository is read, once a repository. @throws InvalidDeclaration where two apps say it otherwise */
export const accessOf = (flux: Flux, facts: FluxFacts, delivery: Delivery): FluxAccess => {
  const { name, repository } = delivery;
  const known = facts.access.get(repository);
  for (const field of ["credentials", "verify"] as const) {
    // Of secrets nobody can say here whether they are equal: the value must be the same one.
    const same = field === "verify" ? isDeepStrictEqual : Object.is;
    if (!known || same(known.given[field], delivery[field])) continue;
    const allowed = `the same value as the other apps of ${repository}`;
    refuse(`App ${name}`, [{ field, value: delivery[field] && Object.keys(delivery[field]), allowed }]);
  }
  const access = known ?? declare(flux, facts, delivery);
  facts.access.set(repository, access);
  return access;
};

const declare = (flux: Flux, facts: FluxFacts, { repository, credentials, verify }: Delivery): FluxAccess => {
  const given = { credentials, verify };
  if (!credentials && !verify) return { given, spec: {}, after: [], keys: undefined };
  const opts = { parent: flux, dependsOn: facts.ready };
  const object = `${isArtifact(repository) ? "oci" : "git"}-${createHash("sha256").update(repository).digest("hex").slice(0, 6)}`;
  const name = `${facts.name}-${object}`;
  const metadata = { namespace: facts.namespace, labels: labels("source-controller") };
  const made = (word: string, data: Readonly<Record<string, pulumi.Input<string>>>, type?: string) =>
    new k8s.core.v1.Secret(
      `${name}${word}`,
      {
        metadata: { ...metadata, name: `${object}${word}` },
        ...(type !== undefined && { type }),
        data: secretData(data),
      },
      opts,
    ).metadata.name;
  const artifact = isArtifact(repository);
  const { token, username = usualUser, ca } = credentials ?? {};
  const login = artifact && token !== undefined;
  // Of a registry the account stands as nodes have it, and the authority by itself.
  const secretRef = login
    ? {
        name: made("", { ".dockerconfigjson": loginAt(repository, username, token) }, "kubernetes.io/dockerconfigjson"),
      }
    : !artifact && credentials && { name: made("", fieldsOf(repository, credentials)) };
  const certSecretRef = artifact && ca !== undefined && { name: made("-ca", { "ca.crt": ca }) };
  const keys = verify && made("-keys", Object.fromEntries(verify.keys.map((key, index) => [`${index}.asc`, key])));
  const resourceNames = [
    ...(secretRef ? [object] : []),
    ...(certSecretRef ? [`${object}-ca`] : []),
    ...(keys ? [`${object}-keys`] : []),
  ];
  const role = new k8s.rbac.v1.Role(
    name,
    {
      metadata: { ...metadata, name: object },
      rules: [{ apiGroups: [""], resources: ["secrets"], resourceNames, verbs: ["get"] }],
    },
    opts,
  );
  const binding = new k8s.rbac.v1.RoleBinding(
    name,
    {
      metadata: { ...metadata, name: object },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
      subjects: [{ kind: "ServiceAccount", name: "source-controller", namespace: facts.namespace }],
    },
    opts,
  );
  const provider = credentials?.githubApp ? ({ provider: "github" } as const) : {};
  const spec = { ...(secretRef && { secretRef }), ...(certSecretRef && { certSecretRef }), ...provider };
  return { given, spec, after: [binding], keys };
};

const loginAt = (repository: string, username: string, token: pulumi.Input<string>): pulumi.Output<string> =>
  pulumi
    .output(token)
    .apply((password) => JSON.stringify({ auths: { [new URL(repository).host]: { username, password } } }));

const modes = { [Signed.Head]: "HEAD", [Signed.Tag]: "Tag", [Signed.TagAndHead]: "TagAndHEAD" } as const;

/** What of a GitRepository says whose signature it must have. */
export const verifyOf = ({ keys }: FluxAccess, { verify, revision }: Delivery): object =>
  verify && keys ? { verify: { mode: modes[modeOf(verify, revision)], secretRef: { name: keys } } } : {};

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
