// Who is who in the local cluster: its authorities, and a certificate for every program and person that talks to it.
import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { addresses, nodeAddress, nodeName } from "./network.ts";

/** A certificate and its private key, PEM. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

/** Lifetimes in days. A credential with less than a third of its lifetime left is made anew at the next start. */
const lifetime = { authority: 3650, leaf: 365 };
/** Certificates count from this many hours ago, so that clocks may differ and be set back a little. */
const backdateHours = 24;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
x509.cryptoProvider.set(webcrypto);

/** What is asked of one certificate. */
interface Leaf {
  readonly name: string;
  readonly user: string;
  readonly group?: string;
  readonly addresses?: readonly string[];
  readonly names?: readonly string[];
  readonly authority?: "ca" | "front-proxy-ca";
}

const leaves = (nodes: number): Leaf[] => [
  {
    name: "kube-apiserver",
    user: "kube-apiserver",
    names: [
      "localhost",
      "kubernetes",
      "kubernetes.default",
      "kubernetes.default.svc",
      "kubernetes.default.svc.cluster.local",
    ],
    addresses: ["127.0.0.1", addresses.controlPlane, addresses.apiService],
  },
  { name: "front-proxy", user: "plumbline:front-proxy", authority: "front-proxy-ca" },
  { name: "kubelet-client", user: "plumbline:kubelet-client" },
  { name: "kube-controller-manager", user: "system:kube-controller-manager" },
  { name: "kube-scheduler", user: "system:kube-scheduler" },
  { name: "kube-proxy", user: "system:kube-proxy" },
  { name: "bootstrap", user: "plumbline:bootstrap", group: "system:masters" },
  { name: "ci", user: "plumbline:ci", group: "plumbline:ci" },
  { name: "developer", user: "plumbline:developer", group: "plumbline:developers" },
  { name: "git-notifier", user: "plumbline:git-notifier" },
  ...Array.from({ length: nodes }, (_, index) => ({
    name: nodeName(index),
    user: `system:node:${nodeName(index)}`,
    group: "system:nodes",
    names: [nodeName(index)],
    addresses: [nodeAddress(index), "127.0.0.1"],
  })),
];

/** Files of the credential `name` in the folder `pki`. */
export const credentialFiles = (pki: string, name: string) => ({
  certificate: join(pki, `${name}.crt`),
  key: join(pki, `${name}.key`),
});

/** Reads one credential; throws where it does not exist. */
export const readCredential = async (pki: string, name: string): Promise<Credential> => {
  const files = credentialFiles(pki, name);
  return { certificate: await readFile(files.certificate, "utf8"), key: await readFile(files.key, "utf8") };
};

/** Whether the bootstrap identity has been destroyed; it is never made again for the same cluster. */
export const bootstrapIsDestroyed = (pki: string): Promise<boolean> => exists(join(pki, "bootstrap.destroyed"));

/** Deletes key and certificate of the identity in `system:masters`, for good. */
export const destroyBootstrapCredential = async (pki: string): Promise<void> => {
  await writeFile(join(pki, "bootstrap.destroyed"), `${new Date().toISOString()}\n`, { mode: 0o600 });
  const files = credentialFiles(pki, "bootstrap");
  for (const file of [files.key, files.certificate]) await rm(file, { force: true });
};

/**
 * Makes every authority, certificate and key that is missing, not yet valid, soon over, or signed by another authority.
 *
 * @param pki folder for them, kept between starts; files have mode 0600
 */
export const ensureCertificates = async (pki: string, nodes: number, now = new Date()): Promise<void> => {
  await mkdir(pki, { recursive: true, mode: 0o700 });
  const authorities = {
    ca: await ensureAuthority(pki, "ca", now),
    "front-proxy-ca": await ensureAuthority(pki, "front-proxy-ca", now),
  };
  const destroyed = await bootstrapIsDestroyed(pki);
  for (const leaf of leaves(nodes)) {
    if (leaf.name === "bootstrap" && destroyed) continue;
    await ensureLeaf(pki, leaf, authorities[leaf.authority ?? "ca"], now);
  }
  if (!(await exists(join(pki, "service-accounts.pub")))) {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    await put(join(pki, "service-accounts.key"), pair.privateKey.export({ type: "pkcs8", format: "pem" }));
    await put(join(pki, "service-accounts.pub"), pair.publicKey.export({ type: "spki", format: "pem" }));
  }
};

/** Whether a certificate should be replaced at this time. */
export const isDue = (certificate: x509.X509Certificate, now: Date): boolean => {
  const [from, to] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()];
  return now.getTime() < from || to - now.getTime() < (to - from) / 3;
};

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

const ensureAuthority = async (pki: string, name: string, now: Date): Promise<Authority> => {
  const kept = await readCredential(pki, name).catch(() => undefined);
  if (kept) {
    const certificate = new x509.X509Certificate(kept.certificate);
    if (!isDue(certificate, now)) return { certificate, key: await importKey(kept.key) };
  }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=plumbline:${name}`,
    keys: keys,
    signingAlgorithm: algorithm,
    ...validity(now, lifetime.authority),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await putCredential(pki, name, certificate, keys.privateKey);
  return { certificate, key: keys.privateKey };
};

const ensureLeaf = async (pki: string, leaf: Leaf, authority: Authority, now: Date): Promise<void> => {
  const kept = await readCredential(pki, leaf.name).catch(() => undefined);
  if (kept) {
    const certificate = new x509.X509Certificate(kept.certificate);
    const signer = { publicKey: authority.certificate, signatureOnly: true };
    if (!isDue(certificate, now) && (await certificate.verify(signer))) return;
  }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const alternatives = [
    ...(leaf.names ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(leaf.addresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ];
  const usages = [
    x509.ExtendedKeyUsage.clientAuth,
    ...(alternatives.length > 0 ? [x509.ExtendedKeyUsage.serverAuth] : []),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [...(leaf.group ? [{ O: [leaf.group] }] : []), { CN: [leaf.user] }],
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    signingAlgorithm: algorithm,
    ...validity(now, lifetime.leaf),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
    ],
  });
  await putCredential(pki, leaf.name, certificate, keys.privateKey);
};

const validity = (now: Date, days: number) => ({
  notBefore: new Date(now.getTime() - backdateHours * 3_600_000),
  notAfter: new Date(now.getTime() + days * 86_400_000),
});

const importKey = async (pem: string): Promise<webcrypto.CryptoKey> => {
  const der = x509.PemConverter.decodeFirst(pem);
  return webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
};

/** The key first: a credential whose writing was cut short has no certificate of its key, and is made again. */
const putCredential = async (
  pki: string,
  name: string,
  certificate: x509.X509Certificate,
  key: webcrypto.CryptoKey,
) => {
  const files = credentialFiles(pki, name);
  await rm(files.certificate, { force: true });
  await put(files.key, x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY"));
  await put(files.certificate, certificate.toString("pem"));
};

const put = async (path: string, text: string | Buffer): Promise<void> => {
  await writeFile(`${path}.new`, text.toString().endsWith("\n") ? text : `${text}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
