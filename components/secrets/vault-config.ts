// What does Vault read? The configuration of its servers, policies, roles, and what the agent of an app is told.

import { createHash } from "node:crypto";

/** Ports of a server: the API, and what servers say to each other. */
export const ports = { api: 8200, cluster: 8201 } as const;
/** Audience of the tokens that Vault takes: one of them is worth nothing at the API server. */
export const audience = "vault";
/** Mount of the key-value store, version 2. */
export const mount = "secret";
/** Name of the ServiceAccount, policy and role of the program that configures Vault. */
export const configurator = "vault-configurator";
/** First line of each policy that is declared: what carries it and is no longer declared is removed. */
export const mark = "# Declared by plumbline";
/** Folder of an app's pod with what its agent needs: `agent.json`, `ca.crt` and `token`. */
export const agentFolder = "/vault/agent";
/** Folder of an app's pod with its values. */
export const secretsFolder = "/secrets";

/** A key of AWS KMS that opens Vault without a person. */
export interface AwsKmsArgs {
  /** Identifier, ARN or alias of the key: "alias/vault". */
  keyId: string;
  /** Region of the key: "eu-central-1". */
  region: string;
  /** URL of the service, for a VPC endpoint. Default: AWS' own of the region. */
  endpoint?: string;
  /** ARN of the role that the pods of Vault take (IAM roles for service accounts). Default: that of the node. */
  role?: string;
}

/** How Vault is opened after each start. */
export interface SealArgs {
  awsKms: AwsKmsArgs;
}

/** What a token may do at a path. */
export interface PathRuleArgs {
  /** Path of the API, where `*` at the end and `+` for a segment stand for any: "secret/data/shop/*". */
  path: string;
  /** Of "create", "read", "update", "patch", "delete", "list", "sudo" and "deny". */
  capabilities: string[];
}

/** Who gets a token, and with which policies. */
export interface RoleArgs {
  /** Name, by which a login asks for it. */
  name: string;
  /** Names of ServiceAccounts. */
  serviceAccounts: string[];
  /** Namespaces in which these ServiceAccounts are meant. */
  namespaces: string[];
  /** Names of policies. */
  policies: string[];
  /** How long a token holds, as a Go duration. Default: "1h". */
  ttl?: string;
}

/** Where a server is reached by its own name. */
export const peerDomain = (namespace: string): string => `vault-internal.${namespace}.svc`;

/** URL at which whichever server answers. */
export const address = (namespace: string): string => `https://vault.${namespace}.svc:${ports.api}`;

const peers = (namespace: string, replicas: number) =>
  [...Array(replicas).keys()].map((index) => ({
    leader_api_addr: `https://vault-${index}.${peerDomain(namespace)}:${ports.api}`,
    leader_ca_cert_file: "/vault/tls/ca.crt",
  }));

/** The configuration of a server. */
export const serverConfig = (namespace: string, replicas: number, seal: SealArgs | undefined): string => {
  const { keyId, region, endpoint } = seal?.awsKms ?? {};
  return json({
    ui: false,
    // Memory is locked by a capability that Pod Security restricted forbids; Raft asks for it to be said.
    disable_mlock: true,
    listener: [
      {
        tcp: {
          address: `[::]:${ports.api}`,
          cluster_address: `[::]:${ports.cluster}`,
          tls_cert_file: "/vault/tls/tls.crt",
          tls_key_file: "/vault/tls/tls.key",
          telemetry: { unauthenticated_metrics_access: true },
        },
      },
    ],
    storage: {
      raft: {
        path: "/vault/data",
        // What Vault's documentation advises for production; at the default of 5 an election takes 10 s.
        performance_multiplier: 1,
        ...(replicas > 1 && { retry_join: peers(namespace, replicas) }),
      },
    },
    ...(seal && { seal: { awskms: { region, kms_key_id: keyId, ...(endpoint && { endpoint }) } } }),
    telemetry: { prometheus_retention_time: "24h", disable_hostname: true },
    log_format: "json",
  });
};

/** A policy as Vault reads it. */
export const policy = (rules: readonly PathRuleArgs[]): string =>
  [
    mark,
    ...rules.map(
      ({ path, capabilities }) => `path ${JSON.stringify(path)} {\n  capabilities = ${JSON.stringify(capabilities)}\n}`,
    ),
    "",
  ].join("\n");

/** A role of the Kubernetes auth method as its API takes it, in one line. */
export const role = ({ serviceAccounts, namespaces, policies, ttl = "1h" }: Omit<RoleArgs, "name">): string =>
  JSON.stringify({
    bound_service_account_names: serviceAccounts,
    bound_service_account_namespaces: namespaces,
    audience,
    token_policies: policies,
    token_ttl: ttl,
  });

/** What the program that configures Vault may do: everything that it declares, and read no value of anybody. */
export const configuratorRules = (generated: readonly string[]): PathRuleArgs[] => {
  const every = ["create", "read", "update", "delete", "list"];
  return [
    { path: "sys/auth", capabilities: ["read"] },
    { path: "sys/auth/kubernetes", capabilities: ["create", "update", "sudo"] },
    { path: "auth/kubernetes/config", capabilities: ["create", "update"] },
    { path: "auth/kubernetes/role", capabilities: ["list"] },
    { path: "auth/kubernetes/role/*", capabilities: every },
    { path: "sys/audit", capabilities: ["read", "sudo"] },
    { path: "sys/audit/stdout", capabilities: ["create", "update", "sudo"] },
    { path: "sys/mounts", capabilities: ["read"] },
    { path: `sys/mounts/${mount}`, capabilities: ["create", "update"] },
    { path: "sys/policies/acl", capabilities: ["list"] },
    { path: "sys/policies/acl/*", capabilities: every },
    ...generated.flatMap((each) => {
      const [path = ""] = each.split("#");
      return [
        { path: `${mount}/metadata/${path}`, capabilities: ["read"] },
        { path: `${mount}/data/${path}`, capabilities: ["create"] },
      ];
    }),
  ];
};

/** What the agent in an app's pod reads: who it is, and which file gets which value. */
export const agentConfig = (
  namespace: string,
  roleName: string,
  files: Readonly<Record<string, string>>,
  refresh: string,
): string =>
  json({
    vault: { address: address(namespace), ca_cert: `${agentFolder}/ca.crt` },
    auto_auth: {
      method: [
        {
          type: "kubernetes",
          mount_path: "auth/kubernetes",
          config: { role: roleName, token_path: `${agentFolder}/token` },
        },
      ],
    },
    // It goes on asking: a value that is not there yet, and a Vault that restarts, are waited for.
    template_config: { static_secret_render_interval: refresh, exit_on_retry_failure: false },
    template: Object.entries(files).map(([file, value]) => {
      const [path, key] = value.split("#");
      return {
        contents: `{{ with secret "${mount}/data/${path}" }}{{ .Data.data.${key} }}{{ end }}`,
        destination: `${secretsFolder}/${file}`,
        error_on_missing_key: true,
        perms: "0440",
      };
    }),
  });

/** A short hash, by which a pod is replaced when what it was started with changes. */
export const digest = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);

const json = (value: unknown): string => JSON.stringify(value, undefined, 2);
