// Who may pull and who may push? Two accounts, whose passwords are made once in the cluster and stand nowhere else.
import { createHash, randomBytes } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { encodeBase64, hashSync } from "bcryptjs";
import { dump } from "js-yaml";
import { labels } from "../workload.ts";

/** Names of the accounts. */
export const accountNames = { pull: "pull", push: "push" } as const;
/** Secret with a password for each account, under its name, and the key that signs states of uploads; one a generation. */
export const accountsName = (generation = 1): string =>
  generation === 1 ? "registry-accounts" : `registry-accounts-${generation}`;
/** Secret with what the programs need to know the accounts: hashes. */
export const usersName = "registry-users";

/** The accounts as the others use them. */
export interface Accounts {
  readonly pullPassword: pulumi.Output<string>;
  readonly pushPassword: pulumi.Output<string>;
  /** Both Secrets; the programs need them before they start. */
  readonly secrets: readonly k8s.core.v1.Secret[];
}

// 192 bits from the system: a slow hash makes nobody's guess harder, and each request for a layer pays for it.
const rounds = "04";

/**
 * A line of htpasswd. The salt follows from the password, so that the same password gives the same line: with a random
 * one each run of the program would change it.
 */
export const htpasswdLine = (account: string, password: string): string => {
  const salt = createHash("sha256").update(`${account}:${password}`).digest().subarray(0, 16);
  return `${account}:${hashSync(password, `$2b$${rounds}$${encodeBase64(salt, salt.length)}`)}`;
};

/** Name of the middleware that lets nobody but `push` through. */
export const pushOnly = "push-only";

/** Files of the Secret {@link usersName}: the accounts for the registry, and the one that pushes for what stands before it. */
export const userFiles = (realm: string, pull: string, push: string): Record<string, string> => ({
  htpasswd: [htpasswdLine(accountNames.pull, pull), htpasswdLine(accountNames.push, push), ""].join("\n"),
  "push.yaml": dump(
    { http: { middlewares: { [pushOnly]: { basicAuth: { realm, users: [htpasswdLine(accountNames.push, push)] } } } } },
    { lineWidth: -1 },
  ),
});

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const secretText = () => base64(randomBytes(24).toString("hex"));

/** Declares the accounts of a generation. */
export const declareAccounts = (
  name: string,
  { namespace, realm, generation }: { namespace: string; realm: string; generation: number | undefined },
  opts: pulumi.ComponentResourceOptions,
): Accounts => {
  const metadata = (secret: string) => ({ name: secret, namespace, labels: labels("registry") });
  const made = new k8s.core.v1.Secret(
    `${name}-${accountsName(generation)}`,
    {
      metadata: metadata(accountsName(generation)),
      data: pulumi.secret({ pull: secretText(), push: secretText(), uploads: secretText() }),
    },
    // Each run makes other ones: those that the cluster has count.
    { ...opts, ignoreChanges: ["data"] },
  );
  const read = (key: string) =>
    pulumi.secret(made.data.apply((data) => Buffer.from(data[key] ?? "", "base64").toString()));
  const [pullPassword, pushPassword] = [read("pull"), read("push")];
  const users = new k8s.core.v1.Secret(
    `${name}-users`,
    {
      metadata: metadata(usersName),
      data: pulumi
        .all([pullPassword, pushPassword])
        .apply(([pull, push]) =>
          Object.fromEntries(Object.entries(userFiles(realm, pull, push)).map(([file, text]) => [file, base64(text)])),
        ),
    },
    opts,
  );
  return { pullPassword, pushPassword, secrets: [made, users] };
};
