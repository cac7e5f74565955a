// What does Harbor answer? A stand-in for its documented API v2.0, for tests of what is said to it: it keeps state, and refuses
// a field that the documentation of the API does not have.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

const text = z.string();
const flag = z.enum(["true", "false"]);
const severity = z.enum(["none", "low", "medium", "high", "critical"]);
const robot = z.strictObject({
  id: z.int().optional(),
  name: text.min(1),
  description: text.optional(),
  level: z.enum(["system", "project"]),
  duration: z.int().refine((days) => days === -1 || days > 0),
  disable: z.boolean().optional(),
  permissions: z
    .array(
      z.strictObject({
        kind: z.enum(["system", "project"]),
        namespace: text,
        access: z
          .array(
            z.strictObject({
              resource: z.enum(["repository", "artifact", "tag"]),
              action: z.enum(["pull", "push", "list", "read", "delete", "create"]),
              effect: text.optional(),
            }),
          )
          .min(1),
      }),
    )
    .min(1),
});
const selector = (decorations: [string, ...string[]]) =>
  z.strictObject({
    kind: z.literal("doublestar"),
    decoration: z.enum(decorations),
    pattern: text.min(1),
    extras: text.optional(),
  });
const templates = ["latestPushedK", "latestPulledN", "nDaysSinceLastPush", "nDaysSinceLastPull"] as const;
const cron = text.regex(/^\S+( \S+){5}$/);
const retention = z.strictObject({
  id: z.int().optional(),
  algorithm: z.literal("or"),
  rules: z
    .array(
      z
        .strictObject({
          id: z.int().optional(),
          priority: z.int().optional(),
          disabled: z.boolean().optional(),
          action: z.literal("retain"),
          template: z.enum([...templates, "always"]),
          params: z.partialRecord(z.enum(templates), z.int().positive()).optional(),
          tag_selectors: z.array(selector(["matches", "excludes"])).min(1),
          scope_selectors: z.strictObject({ repository: z.array(selector(["repoMatches", "repoExcludes"])).min(1) }),
        })
        .refine(({ template, params = {} }) => template === "always" || Object.keys(params).join() === template),
    )
    .max(15),
  trigger: z.strictObject({
    kind: z.literal("Schedule"),
    settings: z.strictObject({ cron: cron.or(z.literal("")) }),
    references: z.strictObject({}).optional(),
  }),
  scope: z.strictObject({ level: z.literal("project"), ref: z.int() }),
});
const registryKinds = ["docker-hub", "docker-registry", "harbor", "aws-ecr", "azure-acr", "google-gcr", "github-ghcr"];

/** Bodies of the calls, as the documentation of the API has them. */
const bodies: Record<string, z.ZodType> = {
  "PUT /configurations": z.strictObject({
    auth_mode: z.enum(["db_auth", "ldap_auth", "oidc_auth", "uaa_auth", "http_auth"]).optional(),
    oidc_name: text.optional(),
    oidc_endpoint: z.url().optional(),
    oidc_client_id: text.optional(),
    oidc_client_secret: text.optional(),
    oidc_scope: text.optional(),
    oidc_groups_claim: text.optional(),
    oidc_admin_group: text.optional(),
    oidc_user_claim: text.optional(),
    oidc_auto_onboard: z.boolean().optional(),
    oidc_verify_cert: z.boolean().optional(),
    robot_name_prefix: text.optional(),
    project_creation_restriction: z.enum(["everyone", "adminonly"]).optional(),
    self_registration: z.boolean().optional(),
  }),
  "POST /registries": z.strictObject({
    name: text.min(1),
    type: z.string().refine((type) => [...registryKinds, "quay", "jfrog-artifactory"].includes(type)),
    url: z.url(),
    description: text.optional(),
    insecure: z.boolean().optional(),
    credential: z
      .strictObject({ type: z.enum(["basic", "oauth", "secret"]), access_key: text, access_secret: text })
      .optional(),
  }),
  "PUT /registries/*": z.strictObject({
    name: text.optional(),
    url: z.url().optional(),
    description: text.optional(),
    insecure: z.boolean().optional(),
    credential_type: text.optional(),
    access_key: text.optional(),
    access_secret: text.optional(),
  }),
  "POST /projects": z.strictObject({
    project_name: text.regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/),
    metadata: z.lazy(() => metadata).optional(),
    storage_limit: z.int().optional(),
    registry_id: z.int().optional(),
  }),
  "PUT /projects/*": z.strictObject({ metadata: z.lazy(() => metadata).optional() }),
  "PUT /quotas/*": z.strictObject({ hard: z.record(z.literal("storage"), z.int()) }),
  "POST /projects/*/members": z.strictObject({
    role_id: z.int().min(1).max(5),
    member_group: z.strictObject({ group_name: text.min(1), group_type: z.literal([1, 2, 3]) }),
  }),
  "PUT /projects/*/members/*": z.strictObject({ role_id: z.int().min(1).max(5) }),
  "POST /retentions": retention,
  "PUT /retentions/*": retention,
  "POST /robots": robot.omit({ id: true }).extend({ name: text.regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/) }),
  "PUT /robots/*": robot,
  "PATCH /robots/*": z.strictObject({ secret: text.regex(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d).{8,128}$/) }),
};
const schedule = z.strictObject({
  schedule: z.strictObject({ type: z.enum(["Hourly", "Daily", "Weekly", "Custom", "None", "Manual"]), cron }),
  parameters: z.strictObject({
    delete_untagged: z.boolean().optional(),
    dry_run: z.boolean().optional(),
    workers: z.int().optional(),
  }),
});
bodies["POST /system/gc/schedule"] = schedule;
bodies["PUT /system/gc/schedule"] = schedule;

const metadata = z.strictObject({
  public: flag.optional(),
  auto_scan: flag.optional(),
  auto_sbom_generation: flag.optional(),
  prevent_vul: flag.optional(),
  severity: severity.optional(),
  retention_id: text.optional(),
  proxy_speed_kb: text.optional(),
  reuse_sys_cve_allowlist: flag.optional(),
  enable_content_trust: flag.optional(),
  enable_content_trust_cosign: flag.optional(),
});

// biome-ignore lint/suspicious/noExplicitAny: bodies of every kind, checked by the schemas above
type Any = any;

/** What such a Harbor holds. */
export interface HarborState {
  healthy: boolean;
  configuration: Record<string, unknown>;
  registries: Any[];
  projects: Any[];
  /** By project. */
  quotas: Any[];
  /** By project. */
  members: Any[];
  retentions: Any[];
  robots: Any[];
  schedule?: Any;
}

/** One call that writes. */
export interface Write {
  readonly call: string;
  readonly body: Any;
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A Harbor on a free port of this machine, whose user `admin` has this password. */
export const fakeHarbor = async (password: string) => {
  const state: HarborState = {
    healthy: true,
    configuration: { auth_mode: "db_auth", robot_name_prefix: "robot$", oidc_auto_onboard: false },
    registries: [],
    projects: [{ project_id: 1, name: "library", metadata: { public: "true" } }],
    quotas: [{ id: 1, project: 1, hard: { storage: -1 } }],
    members: [],
    retentions: [],
    robots: [],
  };
  const writes: Write[] = [];
  const refusals: { call: string; status: number; message: string }[] = [];
  let last = 1;
  const next = () => ++last;
  const one = (list: Any[], id: string | undefined, key = "id"): Any => {
    const found = list.find((each) => String(each[key]) === id);
    if (!found) throw new Refusal(404, `${id} not found`);
    return found;
  };

  // Each answer: [status, body]; `at` are the parts of the path.
  const answers: Record<string, (at: string[], body: Any, query: URLSearchParams) => [number, unknown?]> = {
    "GET /health": () => [
      200,
      {
        status: state.healthy ? "healthy" : "unhealthy",
        components: [
          { name: "core", status: "healthy" },
          state.healthy
            ? { name: "database", status: "healthy" }
            : { name: "database", status: "unhealthy", error: "connection refused" },
        ],
      },
    ],
    "GET /users/current": () => [200, { username: "admin" }],
    "GET /configurations": () => [
      200,
      Object.fromEntries(
        Object.entries(state.configuration)
          .filter(([key]) => key !== "oidc_client_secret")
          .map(([key, value]) => [key, { value, editable: true }]),
      ),
    ],
    "PUT /configurations": (_, body) => [200, void Object.assign(state.configuration, body)],
    "GET /registries": () => [
      200,
      state.registries.map((each) => ({
        ...each,
        ...(each.credential && { credential: { ...each.credential, access_secret: "*****" } }),
      })),
    ],
    "POST /registries": (_, body) => {
      if (state.registries.some(({ name }) => name === body.name)) throw new Refusal(409, `${body.name} exists`);
      return [201, void state.registries.push({ id: next(), ...body })];
    },
    "PUT /registries/*": ([, id], { credential_type: type, access_key, access_secret, ...rest }) => {
      const found = one(state.registries, id);
      Object.assign(found, rest);
      if (access_key) found.credential = { type, access_key, access_secret };
      else delete found.credential;
      return [200];
    },
    "GET /projects/*": ([, name]) => [200, one(state.projects, name, "name")],
    "POST /projects": (_, { project_name: name, metadata: given = {}, storage_limit, registry_id }) => {
      if (state.projects.some((each) => each.name === name)) throw new Refusal(409, `project ${name} exists`);
      const id = next();
      state.projects.push({ project_id: id, name, metadata: { ...given }, ...(registry_id && { registry_id }) });
      state.quotas.push({ id: next(), project: id, hard: { storage: storage_limit ?? -1 } });
      return [201];
    },
    "PUT /projects/*": ([, id], body) => [
      200,
      void Object.assign(one(state.projects, id, "project_id").metadata, body.metadata),
    ],
    "GET /quotas": (_, __, query) => [
      200,
      state.quotas.filter(
        ({ project }) => query.get("reference") === "project" && String(project) === query.get("reference_id"),
      ),
    ],
    "PUT /quotas/*": ([, id], { hard }) => [200, void Object.assign(one(state.quotas, id), { hard })],
    "GET /projects/*/members": ([, id]) => [
      200,
      [
        { id: 0, entity_name: "admin", entity_type: "u", role_id: 1 },
        ...state.members.filter(({ project }) => String(project) === id),
      ],
    ],
    "POST /projects/*/members": ([, id], { role_id, member_group }) => [
      201,
      void state.members.push({
        id: next(),
        project: Number(id),
        entity_name: member_group.group_name,
        entity_type: "g",
        role_id,
      }),
    ],
    "PUT /projects/*/members/*": ([, , , id], { role_id }) => [
      200,
      void Object.assign(one(state.members, id), { role_id }),
    ],
    "DELETE /projects/*/members/*": ([, , , id]) => [
      200,
      void state.members.splice(state.members.indexOf(one(state.members, id)), 1),
    ],
    "GET /retentions/*": ([, id]) => [200, one(state.retentions, id)],
    "POST /retentions": (_, body) => {
      const project = one(state.projects, String(body.scope.ref), "project_id");
      if (project.metadata.retention_id) throw new Refusal(400, "the project has a retention policy");
      const id = next();
      const rules = body.rules.map((rule: Any, index: number) => ({ ...rule, id: index + 1, priority: index + 1 }));
      state.retentions.push({ ...body, id, rules });
      project.metadata.retention_id = String(id);
      return [201];
    },
    "PUT /retentions/*": ([, id], body) => [200, void Object.assign(one(state.retentions, id), body)],
    "GET /robots": () => [200, state.robots.map(({ secret: _, ...rest }) => rest)],
    "POST /robots": (_, body) => {
      const name = `${state.configuration.robot_name_prefix}${body.name}`;
      if (state.robots.some((each) => each.name === name)) throw new Refusal(409, `robot ${name} exists`);
      const made = { ...body, id: next(), name, editable: true, secret: `Made-${last}-by-Harbor` };
      // As Harbor does: in an order of its own.
      made.permissions = body.permissions.toReversed();
      state.robots.push(made);
      return [201, { id: made.id, name, secret: made.secret }];
    },
    "PUT /robots/*": ([, id], body) => {
      const found = one(state.robots, id);
      if (found.name !== body.name || found.level !== body.level) {
        throw new Refusal(400, "cannot update the level or name of robot");
      }
      return [200, void Object.assign(found, body)];
    },
    "PATCH /robots/*": ([, id], { secret }) => [200, void Object.assign(one(state.robots, id), { secret })],
    "DELETE /robots/*": ([, id]) => [200, void state.robots.splice(state.robots.indexOf(one(state.robots, id)), 1)],
    "GET /system/gc/schedule": () => [200, state.schedule],
    "POST /system/gc/schedule": (_, body) => {
      if (state.schedule) throw new Refusal(409, "there is a schedule");
      return [201, void keepSchedule(body)];
    },
    "PUT /system/gc/schedule": (_, body) => [200, void keepSchedule(body)],
  };
  const keepSchedule = ({ schedule: { type, cron }, parameters }: Any) => {
    state.schedule = {
      id: next(),
      schedule: { type, cron, next_scheduled_time: "2030-01-01T00:00:00Z" },
      job_parameters: JSON.stringify({ ...parameters, redis_url_reg: "redis://harbor-redis/2", time_window: 2 }),
    };
  };

  const answer = (request: IncomingMessage, sent: string): [number, unknown?] => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://harbor");
    const { authorization } = request.headers;
    if (pathname === "/service/token") {
      const may = state.robots.some(({ name, secret }) => authorization === basic(name, secret));
      return may ? [200, { token: "a token" }] : [401];
    }
    const at = pathname.replace(/^\/api\/v2\.0\//, "").split("/");
    const fits = (call: string) => {
      const [method, pattern = ""] = call.split(" ");
      const parts = pattern.slice(1).split("/");
      return (
        method === request.method &&
        parts.length === at.length &&
        parts.every((part, index) => part === "*" || part === at[index])
      );
    };
    const call = Object.keys(answers).find(fits);
    if (!call) throw new Refusal(404, `${request.method} ${pathname} is not in the documentation`);
    if (call !== "GET /health" && authorization !== basic("admin", password)) throw new Refusal(401, "unauthorized");
    const body = sent === "" ? undefined : JSON.parse(sent);
    const found = refusals.findIndex((each) => each.call === call);
    if (found >= 0) {
      const [{ status = 500, message = "" } = {}] = refusals.splice(found, 1);
      throw new Refusal(status, `${message}${sent}`);
    }
    const checked = bodies[call]?.safeParse(body);
    if (checked?.success === false) throw new Refusal(422, `${call}: ${z.prettifyError(checked.error)}`);
    if (call.startsWith("GET")) {
      if (call === "GET /projects/*" && request.headers["x-is-resource-name"] !== "true") {
        return [200, one(state.projects, at[1], "project_id")];
      }
    } else writes.push({ call: `${request.method} /${at.join("/")}`, body });
    return answers[call]?.(at.map(decodeURIComponent), body, searchParams) ?? [500];
  };

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    try {
      const [status, whole] = answer(request, Buffer.concat(chunks).toString());
      const body = Array.isArray(whole) ? page(whole, request.url ?? "") : whole;
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body === undefined ? "" : JSON.stringify(body));
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 500;
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ errors: [{ code: "REFUSED", message: (error as Error).message }] }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    /** The calls that wrote, since this was last asked. */
    written: (): Write[] => writes.splice(0),
    /** Lets the next call of a kind fail: "POST /projects". The message goes before what was sent. */
    refuse: (call: string, status: number, message = "") => {
      refusals.push({ call, status, message });
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
};

const page = (whole: readonly unknown[], url: string): readonly unknown[] => {
  const { searchParams } = new URL(url, "http://harbor");
  const size = Number(searchParams.get("page_size") ?? 10);
  const start = (Number(searchParams.get("page") ?? 1) - 1) * size;
  return whole.slice(start, start + size);
};

const basic = (name: string, secret: string): string => `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
