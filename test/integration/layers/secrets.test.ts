// What does Vault say of what we write? A server of the real program reads its configuration, policies, roles and the agent's.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execa } from "execa";
import {
  agentConfig,
  configurator,
  configuratorRules,
  policy,
  role,
  type SealArgs,
  serverConfig,
} from "../../../components/secrets/vault-config.ts";
import { resolve } from "../../../engine/resolve.ts";
import { ensureCertificates } from "../../../local/certificates.ts";
import { eventually } from "../../clone.ts";
import { freePort } from "../../free-port.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-vault-"));
const pki = join(folder, "pki");
let program: string;
const ends: (() => Promise<unknown>)[] = [];
const ended = (child: { kill: (signal: "SIGKILL") => boolean } & PromiseLike<unknown>) =>
  ends.push(async () => {
    child.kill("SIGKILL");
    await child;
  });

before(async () => {
  program = (await resolve(["vault"])).get("vault")?.path ?? "";
  await ensureCertificates(pki, 1);
});
after(async () => {
  for (const end of ends) await end();
  rmSync(folder, { recursive: true });
});

/** A server on this machine: the generated configuration, with the folders and ports of a pod replaced. */
const start = async (name: string, seal?: SealArgs, change: (text: string) => string = (text) => text) => {
  const [api, cluster] = [await freePort(), await freePort()];
  const data = join(folder, name);
  mkdirSync(data, { recursive: true });
  const config = join(folder, `${name}.json`);
  const text = serverConfig("vault", 1, seal)
    .replace("[::]:8200", `127.0.0.1:${api}`)
    .replace("[::]:8201", `127.0.0.1:${cluster}`)
    .replace("/vault/tls/tls.crt", join(pki, "kube-apiserver.crt"))
    .replace("/vault/tls/tls.key", join(pki, "kube-apiserver.key"))
    .replace("/vault/data", data);
  writeFileSync(config, change(text));
  const address = `https://127.0.0.1:${api}`;
  const env = {
    VAULT_ADDR: address,
    VAULT_CACERT: join(pki, "ca.crt"),
    VAULT_RAFT_NODE_ID: "vault-0",
    VAULT_API_ADDR: address,
    VAULT_CLUSTER_ADDR: `https://127.0.0.1:${cluster}`,
    HOME: folder,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  const child = execa(program, ["server", `-config=${config}`], { env, reject: false, all: true });
  ended(child);
  const run = (args: readonly string[], token = "", input = "") =>
    execa(program, args, { env: { ...env, VAULT_TOKEN: token }, input, reject: false, all: true });
  return { address, child, run, log: async () => String((await child).all) };
};
type Vault = Awaited<ReturnType<typeof start>>;

const answers = ({ run }: Vault, code: number) =>
  eventually(
    "vault answers",
    async () => (await run(["status"])).exitCode,
    (found) => found === code,
    30,
  );
const figures = async ({ address, run }: Vault) => {
  const { stdout } = await run(["read", "-format=raw", "sys/metrics", "format=prometheus"]);
  assert.match(stdout, /vault_/, address);
  return stdout;
};

describe("a server", () => {
  let vault: Vault;
  let root: string;
  before(async () => {
    vault = await start("one");
    await answers(vault, 2);
    const { stdout } = await vault.run(["operator", "init", "-key-shares=1", "-key-threshold=1", "-format=json"]);
    const made = JSON.parse(stdout);
    root = made.root_token;
    assert.match(await figures(vault), /^vault_core_unsealed.* 0$/m);
    await vault.run(["write", "sys/unseal", `key=${made.unseal_keys_b64[0]}`]);
    await answers(vault, 0);
    await eventually(
      "it is active",
      () => vault.run(["token", "lookup"], root),
      ({ exitCode }) => exitCode === 0,
      30,
    );
  });

  test("tells that it is open to whoever collects figures, without a token", async () => {
    await eventually(
      "open",
      () => figures(vault),
      (text) => /^vault_core_unsealed.* 1$/m.test(text),
      15,
    );
  });

  test("takes policies and roles, and refuses a wrong word in them", async () => {
    const operator = policy([{ path: "secret/data/shop/*", capabilities: ["read", "list"] }]);
    const write = (text: string) => vault.run(["policy", "write", "operator", "-"], root, text);
    assert.equal((await write(operator)).exitCode, 0);
    const { exitCode, all } = await write(operator.replace("list", "lists"));
    assert.equal(exitCode, 2);
    assert.match(String(all), /invalid capability "lists"/);
    assert.equal((await vault.run(["auth", "enable", "kubernetes"], root)).exitCode, 0);
    const bound = role({ serviceAccounts: ["ops"], namespaces: ["people"], policies: ["operator"] });
    assert.equal((await vault.run(["write", "auth/kubernetes/role/operator", "-"], root, bound)).exitCode, 0);
    const { stdout } = await vault.run(["read", "-format=json", "auth/kubernetes/role/operator"], root);
    assert.deepEqual(
      [JSON.parse(stdout).data.bound_service_account_names, JSON.parse(stdout).data.audience],
      [["ops"], "vault"],
    );
    const wrong = await vault.run(
      ["write", "auth/kubernetes/role/operator", "-"],
      root,
      bound.replace("1h", "an hour"),
    );
    assert.notEqual(wrong.exitCode, 0);
  });

  test("lets the configurator do what it declares, and read no value", async () => {
    await vault.run(
      ["policy", "write", configurator, "-"],
      root,
      policy(configuratorRules(["shop/database#password"])),
    );
    const made = await vault.run(["token", "create", `-policy=${configurator}`, "-field=token"], root);
    const token = made.stdout;
    const may = async (args: readonly string[], input = "") => (await vault.run(args, token, input)).exitCode === 0;
    assert.ok(await may(["secrets", "enable", "-path=secret", "-version=2", "kv"]));
    assert.ok(await may(["audit", "enable", "-path=stdout", "file", "file_path=stdout"]));
    for (const kind of ["audit", "auth", "secrets", "policy"]) assert.ok(await may([kind, "list"]), kind);
    assert.ok(
      await may(["policy", "write", "shop", "-"], policy([{ path: "secret/data/shop", capabilities: ["read"] }])),
    );
    assert.ok(await may(["policy", "delete", "shop"]));
    const put = ["kv", "put", "-mount=secret", "-cas=0", "shop/database", "password=-"];
    await eventually("the store is there", () => may(put, "canary"), Boolean, 15);
    assert.ok(await may(["kv", "metadata", "get", "-mount=secret", "shop/database"]));
    assert.ok(!(await may(put, "another")));
    assert.ok(!(await may(["kv", "get", "-mount=secret", "shop/database"])));
    assert.ok(!(await may(["operator", "raft", "snapshot", "save", join(folder, "stolen")])));
  });

  test("an agent writes the value into the file, and follows its change", async () => {
    const destination = join(folder, "password");
    const config = JSON.parse(agentConfig("vault", "shop", { password: "shop/database#password" }, "1s"));
    // Who a pod is only a cluster can say; on this machine the token is given.
    const token = join(folder, "token");
    writeFileSync(token, root);
    config.vault = { address: vault.address, ca_cert: join(pki, "ca.crt") };
    config.auto_auth.method = [{ type: "token_file", config: { token_file_path: token } }];
    config.template[0].destination = destination;
    const file = join(folder, "agent.json");
    const agent = (change: (text: string) => string = (text) => text) => {
      writeFileSync(file, change(JSON.stringify(config)));
      const child = execa(program, ["agent", `-config=${file}`], { reject: false, all: true, env: { HOME: folder } });
      ended(child);
      return child;
    };
    const reads = (value: string) =>
      eventually(
        value,
        async () => readFileSync(destination, "utf8"),
        (text) => text === value,
        20,
      );
    const child = agent();
    await reads("canary");
    const changed = await vault.run(["kv", "put", "-mount=secret", "shop/database", "password=-"], root, "changed");
    assert.equal(changed.exitCode, 0);
    await reads("changed");
    child.kill();
    const { all, exitCode } = await agent((text) => text.replace('"destination"', '"destinatoin"'));
    assert.notEqual(exitCode, 0, String(all));
  });

  test("an agent that is told no role does not start", async () => {
    const file = join(folder, "no-role.json");
    const text = agentConfig("vault", "shop", { password: "shop/database#password" }, "1s").replace(
      '"role"',
      '"rolle"',
    );
    writeFileSync(file, text.replace("/vault/agent/ca.crt", join(pki, "ca.crt")));
    const { all, exitCode } = await execa(program, ["agent", `-config=${file}`], {
      reject: false,
      all: true,
      timeout: 20_000,
      env: { HOME: folder },
    });
    assert.equal(exitCode, 1);
    assert.match(String(all), /missing 'role' value/);
  });
});

test("a wrong field of the server's configuration ends it", async () => {
  const { log } = await start("wrong", undefined, (text) => text.replace("tls_key_file", "tls_key"));
  assert.match(await log(), /tls_key_file|open : no such file/);
});

/** As much of AWS KMS as a seal needs: it encrypts by a word of its own in front. */
const kms = (): Promise<Server> =>
  new Promise((ready) => {
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (part) => {
        body += part;
      });
      request.on("end", () => {
        const { Plaintext, CiphertextBlob, KeyId } = JSON.parse(body);
        const action = String(request.headers["x-amz-target"]).split(".").at(-1);
        const answer: Record<string, object> = {
          DescribeKey: { KeyMetadata: { KeyId } },
          Encrypt: { KeyId, CiphertextBlob: Buffer.from(`kms:${Plaintext}`).toString("base64") },
          Decrypt: {
            KeyId,
            Plaintext: Buffer.from(CiphertextBlob ?? "", "base64")
              .toString()
              .slice("kms:".length),
          },
        };
        response.setHeader("content-type", "application/x-amz-json-1.1");
        response.end(JSON.stringify(answer[action ?? ""]));
      });
    }).listen(0, "127.0.0.1", () => ready(server));
  });

test("a key of KMS opens it, also after it was killed, without anybody", async () => {
  const server = await kms();
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const seal = { awsKms: { keyId: "alias/vault", region: "eu-central-1", endpoint } };
    const first = await start("kms", seal);
    await answers(first, 2);
    const made = await first.run(["operator", "init", "-recovery-shares=1", "-recovery-threshold=1", "-format=json"]);
    const root = JSON.parse(made.stdout).root_token;
    await answers(first, 0);
    const value = randomBytes(8).toString("hex");
    const write = () => first.run(["write", "cubbyhole/canary", `value=${value}`], root);
    await eventually("it takes values", write, ({ exitCode }) => exitCode === 0, 30);
    first.child.kill("SIGKILL");
    await first.child;
    const second = await start("kms", seal);
    await answers(second, 0);
    const read = () => second.run(["read", "-field=value", "cubbyhole/canary"], root);
    await eventually("the value is there", read, ({ stdout }) => stdout === value, 30);
    const wrong = await start("kms-wrong", seal, (text) => text.replace("kms_key_id", "kms_key"));
    assert.match(await wrong.log(), /key id not found/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
