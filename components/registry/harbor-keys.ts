// Where do the keys and passwords of Harbor come from? They are made once, stand in one Secret, and are never made anew.
import { createSign, generateKeyPair, randomBytes, randomInt } from "node:crypto";
import { promisify } from "node:util";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { hash } from "bcryptjs";
import { labels } from "../workload.ts";

/** Keys of the Secret. Those that the chart does not let choose are as it wants them. */
export const keysName = {
  admin: "HARBOR_ADMIN_PASSWORD",
  csrf: "CSRF_KEY",
  jobservice: "JOBSERVICE_SECRET",
  registry: "REGISTRY_HTTP_SECRET",
  database: "password",
} as const;

/** Name of the Secret, where it is not the stack's. */
export const keysSecret = "harbor-keys";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Letters and digits: what every part of Harbor takes, in URLs and files as well. */
export const randomText = (length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");

/** A password that Harbor takes of a robot: it wants letters of both kinds and a digit. */
export const robotPassword = (): string => `Aa0${randomText(32)}`;

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The contents of the Secret. @param user name of the registry's one user */
export const makeKeys = async (user: string): Promise<Record<string, string>> => {
  const registry = randomText(32);
  const { key, certificate } = await signingPair("harbor-token");
  return {
    [keysName.admin]: randomText(24),
    secretKey: randomText(16),
    secret: randomText(16),
    [keysName.csrf]: randomText(32),
    [keysName.jobservice]: randomText(16),
    [keysName.registry]: randomText(16),
    REGISTRY_PASSWD: registry,
    REGISTRY_HTPASSWD: `${user}:${await hash(registry, 10)}`,
    [keysName.database]: randomText(32),
    "tls.key": key,
    "tls.crt": certificate,
  };
};

/**
 * Declares the Secret. It stays when the layer leaves the stack, since database and images are of no use without it, and the
 * cluster refuses to change it: a stack that brings the layer back names it in `keys`.
 */
export const declareKeys = (
  name: string,
  namespace: string,
  user: string,
  opts: pulumi.ComponentResourceOptions,
): k8s.core.v1.Secret =>
  new k8s.core.v1.Secret(
    `${name}-keys`,
    {
      metadata: { name: keysSecret, namespace, labels: labels("harbor") },
      immutable: true,
      data: pulumi.secret(
        makeKeys(user).then((keys) =>
          Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, base64(value)])),
        ),
      ),
    },
    // Each run makes other ones: those that the cluster has count.
    { ...opts, ignoreChanges: ["data"], retainOnDelete: true },
  );

/** Declares a robot's Secret with its `password`. @returns it, and the password as the cluster has it */
export const declareRobotPassword = (
  name: string,
  robot: string,
  namespace: string,
  opts: pulumi.ComponentResourceOptions,
): { secret: k8s.core.v1.Secret; password: pulumi.Output<string> } => {
  const secret = new k8s.core.v1.Secret(
    `${name}-robot-${robot}`,
    {
      metadata: { name: robotSecret(robot), namespace, labels: labels("harbor") },
      data: pulumi.secret({ password: base64(robotPassword()) }),
    },
    { ...opts, ignoreChanges: ["data"] },
  );
  const read = (data: Record<string, string>) => Buffer.from(data.password ?? "", "base64").toString();
  return { secret, password: pulumi.secret(secret.data.apply(read)) };
};

/** Name of the Secret with the password of a robot. */
export const robotSecret = (robot: string): string => `harbor-robot-${robot}`;

const tenYears = 10 * 365 * 86_400_000;
const sha256WithRsa = Buffer.from("300d06092a864886f70d01010b0500", "hex");
const commonName = Buffer.from("0603550403", "hex");

/** DER of a tag with its content. */
const der = (tag: number, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const length = body.length.toString(16);
  const bytes = Buffer.from(length.padStart(length.length + (length.length % 2), "0"), "hex");
  const head = body.length < 128 ? [body.length] : [0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from([tag, ...head]), body]);
};

const utcTime = (at: Date): Buffer => der(0x17, Buffer.from(`${at.toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));

/**
 * An RSA key and a certificate of itself, as PEM: Harbor signs its tokens with RS256 and nothing else, which the certificates
 * of the platform are not made for.
 */
export const signingPair = async (name: string): Promise<{ key: string; certificate: string }> => {
  const { privateKey, publicKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const subject = der(0x30, der(0x31, der(0x30, commonName, der(0x0c, Buffer.from(name)))));
  const now = Date.now();
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    sha256WithRsa,
    subject,
    der(0x30, utcTime(new Date(now)), utcTime(new Date(now + tenYears))),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = createSign("sha256").update(body).sign(privateKey);
  const whole = der(0x30, body, sha256WithRsa, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  return {
    key: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
};
