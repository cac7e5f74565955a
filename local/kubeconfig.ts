// How somebody reaches the API server: one file with address, authority and credential.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { dump } from "js-yaml";
import { readCredential } from "./certificates.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/**
 * A kubeconfig (YAML) with everything embedded.
 *
 * @param server URL of the API server as its reader sees it
 * @param name identity in the folder `pki`
 */
export const kubeconfig = async (pki: string, name: string, server: string): Promise<string> => {
  const { certificate, key } = await readCredential(pki, name);
  const authority = await readFile(join(pki, "ca.crt"), "utf8");
  return dump({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "plumbline",
    contexts: [{ name: "plumbline", context: { cluster: "plumbline", user: name } }],
    clusters: [{ name: "plumbline", cluster: { server, "certificate-authority-data": base64(authority) } }],
    users: [{ name, user: { "client-certificate-data": base64(certificate), "client-key-data": base64(key) } }],
  });
};
