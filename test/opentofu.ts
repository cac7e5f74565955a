// What would AWS be asked for? Recorded resources as OpenTofu reads them, planned and applied by the real provider.

import { globSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { snakeCase, terraformName, terraformType } from "./unit/components/aws-outputs.ts";
import type { Declared } from "./unit/components/recorder.ts";

/** Version of the provider that plans. Pulumi's own follows a later one, which is not to be had everywhere. */
const planned = "5.100.0";

const mirrors = (): string[] => [
  ...(process.env.PLUMBLINE_TERRAFORM_PLUGINS ?? "").split(delimiter).filter(Boolean),
  ...(process.env.TF_PLUGIN_CACHE_DIR ? [process.env.TF_PLUGIN_CACHE_DIR] : []),
  join(homedir(), ".terraform.d", "plugins"),
  join(homedir(), ".terraform.d", "plugin-cache"),
  "/usr/local/share/terraform/plugins",
  "/usr/share/terraform/plugins",
  // Add-on packages lie below /opt, in a folder of whatever name.
  ...globSync("/opt/*/registry.terraform.io").map((hosts) => dirname(hosts)),
];

/** The provider of AWS on this machine, or where it was looked for. */
export const awsProvider = (): { readonly path: string } | { readonly missing: string } => {
  const machine = `${process.platform}_${process.arch === "x64" ? "amd64" : process.arch}`;
  for (const folder of mirrors()) {
    const [found] = globSync(`*/hashicorp/aws/${planned}/${machine}/terraform-provider-aws*`, { cwd: folder });
    if (found) return { path: join(folder, found) };
  }
  const places = mirrors().join(", ");
  return {
    missing: `the provider of AWS ${planned} is in none of ${places}; PLUMBLINE_TERRAFORM_PLUGINS names another folder`,
  };
};

// Lists that Terraform names by one of their members.
const singular: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  aws_db_parameter_group: { parameters: "parameter" },
  aws_ecr_repository: { encryption_configurations: "encryption_configuration" },
  aws_eks_addon: { pod_identity_associations: "pod_identity_association" },
  aws_eks_node_group: { taints: "taint" },
  aws_iam_openid_connect_provider: { client_id_lists: "client_id_list" },
  aws_s3_bucket_lifecycle_configuration: { rules: "rule" },
  aws_s3_bucket_server_side_encryption_configuration: { rules: "rule" },
};

// What the provider that plans does not know yet, and Pulumi's does.
const later: Readonly<Record<string, readonly string[]>> = {
  aws_eks_cluster: ["deletion_protection"],
};

/** Maps whose keys are somebody's own words. */
export const maps: readonly string[] = ["tags", "labels"];

const written = (value: unknown, names: Readonly<Record<string, string>>): unknown => {
  if (Array.isArray(value)) return value.map((each) => written(each, names));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const name = snakeCase(key);
      return [names[name] ?? name, maps.includes(key) ? each : written(each, names)];
    }),
  );
};

interface Configuration {
  readonly provider: object;
  readonly resource: Record<string, Record<string, unknown>>;
}

/** The configuration of recorded resources. */
export const translate = (resources: readonly Declared[], provider: object): Configuration => {
  const blocks: Record<string, Record<string, unknown>> = {};
  for (const { type, name, inputs } of resources.filter((each) => each.type.startsWith("aws:"))) {
    const kind = terraformType(type);
    const all = written(inputs, singular[kind] ?? {}) as Record<string, unknown>;
    const block = blocks[kind] ?? {};
    blocks[kind] = block;
    block[terraformName(name)] = Object.fromEntries(Object.entries(all).filter(([key]) => !later[kind]?.includes(key)));
  }
  return { provider: { aws: provider }, resource: blocks };
};

// What the stand-in for AWS does not keep, or answers otherwise than it was told.
const forgotten: Readonly<Record<string, readonly string[]>> = {
  aws_eks_cluster: ["access_config", "bootstrap_self_managed_addons", "upgrade_policy", "zonal_shift_config"],
  aws_eks_node_group: ["node_repair_config", "remote_access", "update_config"],
  aws_launch_template: ["tag_specifications"],
};

/** The same, for a stand-in that forgets some fields: what it answers about them is not compared. */
export const forgetting = ({ resource, ...rest }: Configuration): Configuration => ({
  ...rest,
  resource: Object.fromEntries(
    Object.entries(resource).map(([kind, all]) => {
      const lifecycle = forgotten[kind] && { lifecycle: { ignore_changes: forgotten[kind] } };
      return [
        kind,
        Object.fromEntries(Object.entries(all).map(([name, each]) => [name, { ...(each as object), ...lifecycle }])),
      ];
    }),
  ),
});

/** Asks nobody: neither who calls, nor whether a region is there. */
export const offline = {
  access_key: "offline",
  secret_key: "offline",
  skip_credentials_validation: true,
  skip_requesting_account_id: true,
  skip_metadata_api_check: true,
  skip_region_validation: true,
};

/** One change of a plan. */
export interface Change {
  readonly address: string;
  readonly type: string;
  readonly name: string;
  readonly change: {
    readonly actions: readonly string[];
    // biome-ignore lint/suspicious/noExplicitAny: resources of every kind
    readonly after: any;
  };
}

/** A configuration in a folder of its own. */
export interface Workspace {
  /** What would change. @throws Error with what OpenTofu says */
  readonly plan: () => Promise<Change[]>;
  readonly apply: () => Promise<void>;
  /** Removes what the last plan found. */
  readonly destroy: () => Promise<void>;
  /** Addresses of what is there. */
  readonly there: () => Promise<string[]>;
  readonly remove: () => Promise<void>;
}

/** Writes a configuration where OpenTofu reads it, with a provider that lies on this machine. */
export const workspace = async (tofu: string, provider: string, configuration: object): Promise<Workspace> => {
  const folder = await mkdtemp(join(tmpdir(), "plumbline-tofu-"));
  const plugins = join(folder, "plugins");
  await mkdir(plugins);
  await symlink(provider, join(plugins, "terraform-provider-aws"));
  await chmod(plugins, 0o755);
  await writeFile(join(folder, "main.tf.json"), JSON.stringify(configuration, undefined, 2));
  await writeFile(
    join(folder, "tofu.rc"),
    `provider_installation {\n  dev_overrides {\n    "hashicorp/aws" = ${JSON.stringify(plugins)}\n  }\n}\n`,
  );
  const run = async (args: readonly string[]) => {
    const { exitCode, stdout, all } = await execa(tofu, [...args], {
      cwd: folder,
      env: { TF_CLI_CONFIG_FILE: join(folder, "tofu.rc"), TF_IN_AUTOMATION: "1", CHECKPOINT_DISABLE: "1" },
      reject: false,
      all: true,
      timeout: 180_000,
    });
    if (exitCode !== 0) throw new Error(`tofu ${args[0]}:\n${all.slice(-20000)}`);
    return stdout;
  };
  const quiet = ["-input=false", "-no-color", "-lock=false", "-parallelism=32"];
  return {
    plan: async () => {
      await run(["plan", ...quiet, "-out=plan"]);
      const { resource_changes: changes = [] } = JSON.parse(await run(["show", "-json", "plan"])) as {
        resource_changes?: Change[];
      };
      return changes;
    },
    apply: async () => {
      await run(["apply", ...quiet, "-auto-approve"]);
    },
    destroy: async () => {
      await run(["destroy", ...quiet, "-auto-approve", "-refresh=false"]);
    },
    there: async () => (await run(["state", "list"])).split("\n").filter(Boolean),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
