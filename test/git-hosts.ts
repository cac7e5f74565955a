// A Git server for its members: HTTPS with an authority of its own and a token, and SSH with a key. In this process, or as a
// program of its own in the network of a cluster.
import { spawn } from "node:child_process";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { createServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo, Server as NetServer } from "node:net";
import { basename, join } from "node:path";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import ssh2 from "ssh2";
import { gitServer } from "../local/git-server.ts";

/** What its members have. */
export interface Membership {
  readonly token: string;
  /** Private key for SSH, as OpenSSH writes it. */
  readonly key: string;
}

/** What the server itself needs. */
export interface Identity extends Membership {
  readonly address: string;
  readonly authority: string;
  readonly certificate: string;
  readonly certificateKey: string;
  readonly hostKey: string;
  /** Its line of known_hosts behind the name of the host. */
  readonly hostKeyLine: string;
}

/** An identity for an address, and what its members have. */
export const identityFor = async (address: string): Promise<Identity> => {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  x509.cryptoProvider.set(webcrypto);
  const pairs = await Promise.all([0, 1].map(() => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])));
  const [ca, own] = pairs as [webcrypto.CryptoKeyPair, webcrypto.CryptoKeyPair];
  const common = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    serialNumber: "01",
    name: "CN=authority of a test",
    keys: ca,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber: "02",
    subject: "CN=git",
    issuer: authority.subject,
    publicKey: own.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: address }])],
  });
  const keys = [0, 1].map(() => ssh2.utils.generateKeyPairSync("ed25519"));
  return {
    address,
    token: webcrypto.randomUUID(),
    key: keys[0]?.private ?? "",
    authority: authority.toString("pem"),
    certificate: certificate.toString("pem"),
    certificateKey: x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", own.privateKey), "PRIVATE KEY"),
    hostKey: keys[1]?.private ?? "",
    hostKeyLine: (keys[1]?.public ?? "").split(" ").slice(0, 2).join(" "),
  };
};

/** An RSA key, as GitHub Apps have. */
export const rsaKey = (): string =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" }).toString();

/** Both servers over the bare repositories of a folder. Port 0 is any. */
export const gitHosts = async (
  root: string,
  identity: Identity,
  ports: { readonly https: number; readonly ssh: number } = { https: 0, ssh: 0 },
) => {
  const https = overHttps(root, identity);
  const ssh = overSsh(root, identity);
  await listen(https, ports.https, identity.address);
  await listen(ssh, ports.ssh, identity.address);
  const at = { https: (https.address() as AddressInfo).port, ssh: (ssh.address() as AddressInfo).port };
  return {
    https: `https://${identity.address}:${at.https}`,
    ssh: `ssh://git@${identity.address}:${at.ssh}`,
    knownHosts: `[${identity.address}]:${at.ssh} ${identity.hostKeyLine}`,
    close: () => {
      https.close();
      https.closeAllConnections();
      ssh.close();
    },
  };
};

const listen = (server: HttpsServer | NetServer | ssh2.Server, port: number, address: string): Promise<void> =>
  new Promise((resolve) => {
    server.listen(port, address, () => resolve());
  });

const overHttps = (root: string, { token, certificate, certificateKey }: Identity): HttpsServer => {
  const inner = gitServer({ root, token, pushed: () => {} });
  const wanted = ["git", "x-access-token", "robot"].map(
    (user) => `Basic ${Buffer.from(`${user}:${token}`).toString("base64")}`,
  );
  return createServer({ cert: certificate, key: certificateKey }, (request, response) => {
    // GitHub's answer to an App, which gets the token that everybody has here.
    if (request.url?.endsWith("/access_tokens")) {
      response.writeHead(/^Bearer \S+\.\S+\.\S+$/.test(request.headers.authorization ?? "") ? 201 : 401);
      return void response.end(JSON.stringify({ token }));
    }
    // A server that takes a question and never answers it.
    if (request.url?.startsWith("/slow.git")) return;
    if (wanted.includes(request.headers.authorization ?? "")) return void inner.emit("request", request, response);
    response.writeHead(401, { "WWW-Authenticate": 'Basic realm="members"' });
    response.end("for members\n");
  });
};

const overSsh = (root: string, { hostKey, key }: Identity): ssh2.Server => {
  const parsed = ssh2.utils.parseKey(key);
  if (parsed instanceof Error) throw parsed;
  const member = Array.isArray(parsed) ? parsed[0] : parsed;
  return new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on("error", () => {}); // one that hangs up
    client.on("authentication", (context) => {
      const knows = context.method === "publickey" && member?.getPublicSSH().equals(context.key.data);
      const signed =
        context.method === "publickey" && context.signature && context.blob
          ? member?.verify(context.blob, context.signature, context.hashAlgo) === true
          : true;
      if (knows && signed) context.accept();
      else context.reject(["publickey"]);
    });
    client.on("ready", () => {
      client.on("session", (accept) => {
        accept().on("exec", (start, refuse, { command }) => {
          const [, repository] = /^git-upload-pack '?\/?([\w.-]+)'?$/.exec(command) ?? [];
          if (!repository) return void refuse?.();
          const stream = start();
          const git = spawn("git", ["-c", "safe.directory=*", "upload-pack", join(root, basename(repository))]);
          stream.pipe(git.stdin);
          git.stdin.on("error", () => {});
          git.stdout.pipe(stream, { end: false });
          git.stderr.pipe(stream.stderr, { end: false });
          git.on("close", (code) => {
            stream.exit(code ?? 1);
            stream.end();
          });
        });
      });
    });
  });
};

if (import.meta.main) {
  // Its secrets come by standard input: a folder, an identity, two ports.
  let text = "";
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.endsWith("\n")) break;
  }
  const { root, identity, ports } = JSON.parse(text) as {
    root: string;
    identity: Identity;
    ports: { https: number; ssh: number };
  };
  await gitHosts(root, identity, ports);
  process.stdout.write("ready\n");
}
