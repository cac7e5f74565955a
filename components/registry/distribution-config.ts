// What do the registry and the Traefik before it read? Their files, from the arguments.
import { dump } from "js-yaml";
import { pushOnly } from "./distribution-accounts.ts";
import type { Storage } from "./distribution-storage.ts";

/** Ports of the pod: HTTPS for everybody, and for probes and figures one of each program. The registry itself listens within the pod. */
export const ports = { https: 8443, internal: 8080, registry: 5000, debug: 5001 } as const;

/** Folders of the pods that the files are in. */
export const folders = {
  registry: "/etc/distribution/config",
  users: "/etc/distribution/users",
  traefik: "/etc/traefik/config",
  dynamic: "/etc/traefik/dynamic",
} as const;

/** Seconds that an upload or download may take to end while its pod does. */
export const grace = 60;
/** Seconds in which new requests still come, since not everybody knows yet that the pod ends. */
export const farewell = 5;

/** What the registry's configuration follows from. */
export interface RegistryConfiguration {
  readonly realm: string;
  readonly storage: Pick<Storage, "driver">;
  readonly redirect: boolean;
  /** URL of the registry whose images are passed on and kept. */
  readonly upstream: string | undefined;
}

const yaml = (value: object): string => dump(value, { lineWidth: -1 });

/** The file of the registry. */
export const registryConfiguration = ({ realm, storage, redirect, upstream }: RegistryConfiguration): string =>
  yaml({
    version: 0.1,
    // What stands before it writes a line for each request.
    log: { level: "info", formatter: "json", accesslog: { disabled: true } },
    storage: {
      ...storage.driver,
      delete: { enabled: true },
      redirect: { disable: !redirect },
      // No cache: garbage collection and other replicas would leave it behind what is there.
      maintenance: { uploadpurging: { enabled: true, age: "168h", interval: "24h", dryrun: false } },
    },
    auth: { htpasswd: { realm, path: `${folders.users}/htpasswd` } },
    http: {
      addr: `127.0.0.1:${ports.registry}`,
      relativeurls: true,
      draintimeout: `${grace - farewell}s`,
      headers: { "X-Content-Type-Options": ["nosniff"] },
      debug: { addr: `:${ports.debug}`, prometheus: { enabled: true, path: "/metrics" } },
    },
    health: { storagedriver: { enabled: true, interval: "10s", threshold: 3 } },
    ...(upstream && { proxy: { remoteurl: upstream } }),
  });

/** Traefik's static configuration. */
export const frontConfiguration = (): string =>
  yaml({
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    // It warns of each file that it finds twice: as a Secret's volume has it, by name and below its own bookkeeping.
    log: { level: "ERROR", format: "json" },
    accessLog: { format: "json", fields: { headers: { defaultMode: "drop" } } },
    entryPoints: {
      https: {
        address: `:${ports.https}`,
        http: { tls: {} },
        transport: {
          // A layer may take as long as its sender's line needs; by default an upload is cut after a minute.
          respondingTimeouts: { readTimeout: "0s" },
          lifeCycle: { requestAcceptGraceTimeout: `${farewell}s`, graceTimeOut: `${grace - farewell}s` },
        },
      },
      internal: { address: `:${ports.internal}` },
    },
    ping: { entryPoint: "internal" },
    // A folder, not a file: a certificate that was renewed beside it is then read again.
    providers: { file: { directory: `${folders.dynamic}` } },
  });

/**
 * Traefik's routes. The registry knows who somebody is, not what he may do: whatever is not a read has to be `push`.
 *
 * @param writable whether anybody may push: not into what passes on another registry's images
 */
export const frontRoutes = (writable: boolean): string =>
  yaml({
    http: {
      routers: {
        reads: { entryPoints: ["https"], rule: "Method(`GET`) || Method(`HEAD`)", priority: 2, service: "registry" },
        ...(writable && {
          writes: {
            entryPoints: ["https"],
            rule: "PathPrefix(`/`)",
            priority: 1,
            middlewares: [pushOnly],
            service: "registry",
          },
        }),
      },
      services: { registry: { loadBalancer: { servers: [{ url: `http://127.0.0.1:${ports.registry}` }] } } },
    },
    tls: {
      options: { default: { minVersion: "VersionTLS12" } },
      // The default, since nodes that reach it by its address name no host.
      stores: {
        default: {
          defaultCertificate: {
            certFile: `${folders.dynamic}/tls.crt`,
            keyFile: `${folders.dynamic}/tls.key`,
          },
        },
      },
    },
  });
