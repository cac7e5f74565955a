// How is the platform's registry used from this machine? With the example app's image, as whoever has an account.
import assert from "node:assert/strict";
import { join } from "node:path";
import { resolve } from "../../engine/resolve.ts";
import { makeImages } from "../../local/image-archives.ts";
import { type PushTarget, pushImage } from "../../local/image-push.ts";
import { images } from "../../local/images.ts";
import type { Clone } from "../clone.ts";
import type { Kubectl } from "../kubectl.ts";
import { askThrough } from "./exposed-app.ts";

/** The name by which nodes know it. */
export const registryHost = "registry.example.test";

/** A value of a Secret, in the clear. */
export const secretOf = async (kubectl: Kubectl, namespace: string, name: string, key: string): Promise<string> =>
  Buffer.from(
    await kubectl([
      ...["get", "secret", name, "--namespace", namespace],
      ...["--output", `jsonpath={.data.${key.replaceAll(".", "\\.")}}`],
    ]),
    "base64",
  ).toString();

/** The registry of a clone's platform, as the account that pushes. */
const targetOf = async (clone: Clone, kubectl: Kubectl): Promise<PushTarget> => ({
  reached: new URL((await clone.status()).layers.find(({ slot }) => slot === "registry")?.url ?? "").host,
  host: registryHost,
  authority: await secretOf(kubectl, "distribution", "registry-certificate", "ca.crt"),
  username: "push",
  password: await secretOf(kubectl, "distribution", "registry-accounts", "push"),
});

/** Pushes the image of the example app by another name; `account` is who does it, if not the account for that. */
export const push = async (
  clone: Clone,
  kubectl: Kubectl,
  name: string,
  account: Pick<PushTarget, "username" | "password"> | undefined = undefined,
): Promise<void> => {
  const image = images.find(({ program }) => program === "hello") ?? assert.fail("no image of the example app");
  const program = (await resolve(["hello"])).get("hello")?.path ?? "";
  const [archive = ""] = await makeImages([image], join(program, ".."), join(clone.folder, ".plumbline", "archives"));
  await pushImage(archive, name, { ...(await targetOf(clone, kubectl)), ...account }, AbortSignal.timeout(30_000));
};

/** The tags that the registry has of an image. */
export const tagsOf = async (clone: Clone, kubectl: Kubectl, image: string): Promise<string[]> => {
  const { reached, authority, username, password } = await targetOf(clone, kubectl);
  const asked = { path: `/v2/${image}/tags/list`, auth: `${username}:${password}` };
  const { code, body } = await askThrough(Number(reached.split(":")[1]), registryHost, authority, asked);
  assert.equal(code, 200, body);
  return (JSON.parse(body) as { tags: string[] }).tags;
};
