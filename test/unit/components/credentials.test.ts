// How private repositories are opened: what a stack may say, what each agent is given, and that no secret lies open.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
  App,
  ArgoCd,
  app,
  apps,
  argoCd,
  definePlatform,
  embedded,
  Flux,
  flux,
  InvalidDeclaration,
  Platform,
} from "../../../components/index.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

process.env.PLUMBLINE_KUBECONFIG = import.meta.filename;
const https = "https://git.example.com/platform.git";
const ssh = "ssh://git@git.example.com:2222/platform.git";
const ca = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const knownHosts = "[git.example.com]:2222 ssh-ed25519 AAAA";
/** What a Secret holds: the whole of it is a secret of Pulumi's too, which the state keeps encrypted. */
const decoded = ({ data }: Declared["inputs"]): Record<string, string> => {
  assert.equal(data["4dabf18193072939515e22adb298388d"], "1b47061264138c4ac30d75fd1eb44270");
  const texts = Object.entries(data.value as Record<string, string>);
  return Object.fromEntries(texts.map(([key, text]) => [key, Buffer.from(text, "base64").toString()]));
};

/** The Secrets of Git that an agent gets for one repository, and all that was declared. */
const given = async (agent: "flux" | "argo", repository: string, credentials: object) => {
  const declared = await record(() => {
    const made = agent === "flux" ? new Flux("agent", {}) : new ArgoCd("agent", {});
    for (const name of ["shop", "web"])
      new App(name, { repository, path: "a", kind: "yaml", credentials }, { agent: made });
  });
  const secrets = ofKind(declared, "Secret").filter(({ inputs }) => /^git-/.test(inputs.metadata.name));
  return { declared, secrets: secrets.map(({ inputs }) => inputs) };
};

const key = "the key";
const githubApp = { id: "1", installation: "2", key };
const cases: [string, object, object, object][] = [
  [
    ssh,
    { sshKey: key, knownHosts },
    { identity: key, known_hosts: knownHosts },
    { type: "git", url: ssh, sshPrivateKey: key },
  ],
  [
    https,
    { token: key, ca },
    { username: "git", password: key, "ca.crt": ca },
    { type: "git", url: https, username: "git", password: key },
  ],
  [
    https,
    { token: key, username: "robot" },
    { username: "robot", password: key },
    { type: "git", url: https, username: "robot", password: key },
  ],
  [
    https,
    { githubApp },
    {
      githubAppID: "1",
      githubAppInstallationID: "2",
      githubAppPrivateKey: key,
      githubAppBaseURL: "https://git.example.com/api/v3",
    },
    {
      type: "git",
      url: https,
      githubAppID: "1",
      githubAppInstallationID: "2",
      githubAppPrivateKey: key,
      githubAppEnterpriseBaseUrl: "https://git.example.com/api/v3",
    },
  ],
];
for (const [url, credentials, inFlux, inArgo] of cases) {
  test(`${Object.keys(credentials).join(" and ")}: one Secret a repository, in the words of each agent`, async () => {
    const { declared, secrets } = await given("flux", url, credentials);
    assert.deepEqual(secrets.map(decoded), [inFlux]);
    const [source] = ofKind(declared, "GitRepository");
    const { name, namespace } = secrets[0].metadata;
    assert.deepEqual(source?.inputs.spec.secretRef, { name });
    assert.equal(source?.inputs.spec.provider, "githubApp" in credentials ? "github" : undefined);
    assert.equal(namespace, "flux-system");
    assert.ok(source?.after.some((each) => each === `agent-${name}`));
    assert.deepEqual(named(declared, "Role", name).rules, [
      { apiGroups: [""], resources: ["secrets"], resourceNames: [name], verbs: ["get"] },
    ]);
    assert.deepEqual(named(declared, "RoleBinding", name).subjects, [
      { kind: "ServiceAccount", name: "source-controller", namespace: "flux-system" },
    ]);

    const argo = await given("argo", url, credentials);
    assert.deepEqual(argo.secrets.map(decoded), [inArgo]);
    assert.equal(argo.secrets[0].metadata.labels["argocd.argoproj.io/secret-type"], "repository");
    const { data: hosts } = named(argo.declared, "ConfigMap", "argocd-ssh-known-hosts-cm");
    assert.deepEqual(hosts, "knownHosts" in credentials ? { ssh_known_hosts: `${knownHosts}\n` } : {});
    const { data: certificates } = named(argo.declared, "ConfigMap", "argocd-tls-certs-cm");
    assert.deepEqual(certificates, "ca" in credentials ? { "git.example.com": ca } : {});
  });
}

test("a repository for everybody needs no Secret", async () => {
  const { secrets, declared } = await given("flux", "https://git.example.com/open.git", {});
  assert.deepEqual(secrets.map(decoded), [{}]);
  const open = await record(() => {
    new App("shop", { repository: https, path: "a" }, { agent: new Flux("agent", {}) });
  });
  assert.equal(ofKind(open, "Secret").length, 0);
  assert.equal(ofKind(open, "GitRepository")[0]?.inputs.spec.secretRef, undefined);
  assert.ok(declared.length > open.length);
});

const refused = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    assert.ok(error instanceof InvalidDeclaration, String(error));
    return error.message;
  }
  return assert.fail("it was taken");
};

test("two apps of one repository say the same, and Argo CD knows one authority a host", async () => {
  await record(() => {
    for (const agent of [new Flux("flux", {}), new ArgoCd("argo", {})]) {
      const name = agent instanceof Flux ? "f" : "a";
      new App(`${name}1`, { repository: https, path: "a", kind: "yaml", credentials: { token: key, ca } }, { agent });
      const other = { repository: https, path: "a", kind: "yaml", credentials: { token: key } } as const;
      assert.match(
        refused(() => new App(`${name}2`, other, { agent })),
        /credentials: found \["token"\]; allowed: the same/,
      );
    }
  });
  await record(async () => {
    const agent = new ArgoCd("argo", {});
    new App("a1", { repository: https, path: "a", kind: "yaml", credentials: { ca } }, { agent });
    const elsewhere = { repository: "https://git.example.com:8443/b.git", path: "a", kind: "yaml" } as const;
    const another = { ...elsewhere, credentials: { ca: `${ca}${ca}` } };
    assert.match(
      refused(() => new App("a2", another, { agent })),
      /credentials\.ca: .*one authority a host/,
    );
    await new Promise((resolve) => setImmediate(resolve));
    const late = { repository: "https://late.example/b.git", path: "a", kind: "yaml", credentials: { ca } } as const;
    assert.match(
      refused(() => new App("a3", late, { agent })),
      /in the same turn as the agent/,
    );
  });
});

const declaring = (url: string, credentials: unknown) => () =>
  definePlatform(
    {
      name: "p",
      git: { url, branch: "main", ...(credentials !== undefined && { credentials: credentials as never }) },
      cluster: embedded(),
      apps: [],
    },
    {},
  );
const at = { config: "gitToken" };
const wrong: [string, string, unknown, RegExp][] = [
  [
    "a secret in the file",
    https,
    { token: "ghp_secret" },
    /settings\.git\.credentials\.token: .*never the secret itself/,
  ],
  [
    "a secret in the URL",
    "https://robot:ghp_secret@git.example.com/p.git",
    undefined,
    /credentials: .*without a password/,
  ],
  ["ssh without a key", ssh, undefined, /sshKey: .*both sshKey and knownHosts/],
  ["ssh to a server that nobody knows", ssh, { sshKey: at }, /knownHosts: .*both sshKey and knownHosts/],
  ["ssh as nobody", "ssh://git.example.com/p.git", { sshKey: at, knownHosts }, /ssh URL with its user/],
  ["a token over ssh", ssh, { sshKey: at, knownHosts, token: at }, /token: .*only sshKey and knownHosts/],
  ["a key over https", https, { sshKey: at }, /sshKey: .*only with an ssh URL/],
  ["a token over http", "http://git.example.com/p.git", { token: at }, /token: .*only with an https URL/],
  [
    "two ways at once",
    https,
    { token: at, githubApp: { id: "1", installation: "2", key: at } },
    /githubApp: .*not both/,
  ],
  ["a user without a token", https, { username: "robot" }, /username: .*only with a token/],
  ["no certificate", https, { ca: "/etc/ca.crt" }, /ca: .*certificates, PEM/],
  ["an unknown word", https, { password: at }, /password: .*no such field/],
];
for (const [what, url, credentials, says] of wrong) {
  test(`refused: ${what}; no secret is in the message`, () => {
    const message = refused(declaring(url, credentials));
    assert.match(message, says);
    assert.ok(!message.includes("ghp_secret"), message);
  });
}

test("an app has its own, and many from one directory have theirs", () => {
  const git = { url: https, branch: "main", credentials: { token: at } };
  const platform =
    (...declared: (ReturnType<typeof app> | ReturnType<typeof apps>)[]) =>
    () =>
      definePlatform({ name: "p", git, cluster: embedded(), apps: declared }, { agent: flux() });
  const source = { repository: ssh, path: "a" };
  assert.match(refused(platform(app({ name: "shop", source }))), /settings\.apps\.shop\.source\.credentials\.sshKey/);
  assert.match(refused(platform(apps({ path: "x/*", repository: ssh }))), /settings\.apps\.x\/\*\.credentials\.sshKey/);
  const otherwise = app({ name: "shop", source: { path: "a", credentials: { token: { config: "other" } } } });
  assert.match(refused(platform(otherwise)), /source\.credentials: .*for one repository the same/);
  assert.doesNotThrow(platform(app({ name: "shop", source: { ...source, credentials: { sshKey: at, knownHosts } } })));
});

const withConfiguration = (config: Record<string, string>, agent = flux()): Promise<Declared[]> => {
  pulumi.runtime.setAllConfig(config);
  return record(() => {
    const git = { url: https, branch: "main", credentials: { token: at } };
    const shop = app({ name: "shop", source: { path: "a" }, kind: "yaml" });
    const same = app({ name: "same", source: { path: "b", repository: https }, kind: "yaml" });
    new Platform(definePlatform({ name: "p", git, cluster: embedded(), apps: [shop, same] }, { agent }));
  });
};

test("a platform takes the secret from the configuration of its stack", async () => {
  for (const agent of [flux(), argoCd()]) {
    const declared = await withConfiguration({ "plumbline:gitToken": "of the configuration" }, agent);
    const secrets = ofKind(declared, "Secret").filter(({ inputs }) => /^git-/.test(inputs.metadata.name));
    assert.deepEqual(
      secrets.map(({ inputs }) => decoded(inputs).password),
      ["of the configuration"],
    );
  }
});

test("a key that is missing, or that everybody may read, is named", async () => {
  const missing = await withConfiguration({}).catch((error: Error) => error.message);
  assert.match(
    String(missing),
    /settings\.apps\.shop: credentials\.token: found nothing; allowed: .*pulumi config set --secret plumbline:gitToken/,
  );
  process.env.PULUMI_CONFIG_SECRET_KEYS = "[]";
  const plain = await withConfiguration({ "plumbline:gitToken": "open" }).catch((error: Error) => error.message);
  delete process.env.PULUMI_CONFIG_SECRET_KEYS;
  assert.match(String(plain), /plumbline:gitToken, which everybody may read/);
});
