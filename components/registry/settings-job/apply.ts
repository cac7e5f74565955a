// How do declared settings get into a running Harbor? What is there is read, what differs is written, and what was written is said.
import { differing, differs, fieldsOf, type HarborApi, isFields, type Passwords } from "./api.ts";
import type { DesiredProject, DesiredRegistry, DesiredRobot, DesiredSettings, Fields, Json } from "./desired.ts";

// By this description the robots are known that were made here: one that is declared no longer is removed.
const mark = "Declared by plumbline";
// Group type of OIDC in Harbor's API.
const oidcGroup = 3;

/** What a step works with. */
export interface Context {
  readonly harbor: HarborApi;
  readonly passwords: Passwords;
  /** Says what was written: verb, object, and its fields where it was there already. */
  readonly wrote: (verb: string, what: string, fields?: readonly string[]) => void;
}

/** Brings a Harbor to the declared settings. Safe to repeat, and to go on with after a failure. */
export const applySettings = async (settings: DesiredSettings, context: Context): Promise<void> => {
  const prefix = await applyConfiguration(settings, context);
  for (const registry of settings.registries) await applyRegistry(registry, context);
  for (const project of settings.projects) await applyProject(project, context);
  await applyRobots(settings.robots, prefix, context);
  if (settings.garbageCollection) await applyGarbageCollection(settings.garbageCollection, context);
};

/** @returns the prefix of robots' names, which is configuration too */
const applyConfiguration = async (
  { configuration, hidden }: DesiredSettings,
  { harbor, passwords, wrote }: Context,
): Promise<string> => {
  const items = Object.entries(fieldsOf(await harbor.call("GET", "/configurations")));
  const live = Object.fromEntries(items.map(([key, item]) => [key, fieldsOf(item).value ?? null]));
  const changed = differing(configuration, live);
  if (changed.length > 0) {
    const body = Object.fromEntries(changed.map((key) => [key, configuration[key] ?? null]));
    await harbor.call("PUT", "/configurations", body);
    wrote("changed", "configuration", changed);
  }
  for (const [key, file] of Object.entries(hidden)) {
    await harbor.call("PUT", "/configurations", { [key]: await passwords.read(file) });
    wrote("set", `configuration ${key}, which Harbor does not show`);
  }
  const prefix = configuration.robot_name_prefix ?? live.robot_name_prefix;
  return typeof prefix === "string" ? prefix : "robot$";
};

const applyRegistry = async (
  { name, type, url, username = "", password }: DesiredRegistry,
  { harbor, passwords, wrote }: Context,
): Promise<void> => {
  const live = (await harbor.list("/registries")).find((each) => each.name === name);
  const secret = password === undefined ? "" : await passwords.read(password);
  if (!live) {
    const credential = secret && { credential: { type: "basic", access_key: username, access_secret: secret } };
    await harbor.call("POST", "/registries", {
      name,
      type,
      url,
      insecure: false,
      description: mark,
      ...(credential || {}),
    });
    wrote("created", `registry ${name}`);
    return;
  }
  if (live.type !== type) {
    throw new Error(
      `registry ${name} is of type ${live.type} in Harbor, declared is ${type}: Harbor cannot change it, give it another name`,
    );
  }
  const user = fieldsOf(live.credential).access_key ?? "";
  const changed = [...differing({ url, insecure: false }, live), ...(user === username ? [] : ["username"])];
  if (changed.length === 0 && secret === "") return;
  await harbor.call("PUT", `/registries/${live.id}`, {
    url,
    insecure: false,
    credential_type: "basic",
    access_key: username,
    access_secret: secret,
  });
  if (changed.length > 0) wrote("changed", `registry ${name}`, changed);
  else wrote("set", `password of registry ${name}, which Harbor does not show`);
};

const applyProject = async (project: DesiredProject, context: Context): Promise<void> => {
  const { harbor, wrote } = context;
  const { name, metadata, registry, quota, groups, retention } = project;
  const cached = registry && (await harbor.list("/registries")).find((each) => each.name === registry)?.id;
  // A name of digits alone would be taken for a number without this header.
  const find = () => harbor.find(`/projects/${encodeURIComponent(name)}`, { "x-is-resource-name": "true" });
  let live = await find();
  if (!live) {
    const cache = cached ? { registry_id: cached } : {};
    await harbor.call("POST", "/projects", { project_name: name, metadata, storage_limit: quota ?? -1, ...cache });
    wrote("created", `project ${name}`);
    live = await find();
    if (!live) throw new Error(`project ${name} was made, but Harbor does not know it`);
  }
  if ((live.registry_id || undefined) !== (cached || undefined)) {
    throw new Error(
      `project ${name} is ${live.registry_id ? "a cache of another registry" : "no cache"} in Harbor: Harbor cannot change that, give it another name`,
    );
  }
  const changed = differing(metadata, fieldsOf(live.metadata));
  if (changed.length > 0) {
    await harbor.call("PUT", `/projects/${live.project_id}`, { metadata });
    wrote("changed", `project ${name}`, changed);
  }
  if (quota !== undefined) await applyQuota(name, Number(live.project_id), quota, context);
  if (groups) await applyGroups(name, Number(live.project_id), groups, context);
  if (retention) await applyRetention(name, live, retention, context);
};

const applyQuota = async (
  name: string,
  project: number,
  storage: number,
  { harbor, wrote }: Context,
): Promise<void> => {
  const [live] = await harbor.list(`/quotas?reference=project&reference_id=${project}`);
  if (!live) throw new Error(`project ${name} has no quota in Harbor`);
  if (!differs({ storage }, live.hard)) return;
  await harbor.call("PUT", `/quotas/${live.id}`, { hard: { storage } });
  wrote("changed", `quota of project ${name}`);
};

const applyGroups = async (
  name: string,
  project: number,
  groups: Record<string, number>,
  { harbor, wrote }: Context,
): Promise<void> => {
  const path = `/projects/${project}/members`;
  const live = (await harbor.list(path)).filter((each) => each.entity_type === "g");
  for (const [group, role] of Object.entries(groups)) {
    const member = live.find((each) => each.entity_name === group);
    if (!member) {
      const added = { role_id: role, member_group: { group_name: group, group_type: oidcGroup } };
      await harbor.call("POST", path, added);
      wrote("added", `group ${group} to project ${name}`);
    } else if (member.role_id !== role) {
      await harbor.call("PUT", `${path}/${member.id}`, { role_id: role });
      wrote("changed", `role of group ${group} in project ${name}`);
    }
  }
  for (const member of live.filter((each) => !(String(each.entity_name) in groups))) {
    await harbor.call("DELETE", `${path}/${member.id}`);
    wrote("removed", `group ${member.entity_name} from project ${name}`);
  }
};

const applyRetention = async (
  name: string,
  project: Fields,
  retention: Fields,
  { harbor, wrote }: Context,
): Promise<void> => {
  const policy = { ...retention, scope: { level: "project", ref: project.project_id ?? null } };
  const id = fieldsOf(project.metadata).retention_id;
  if (id === undefined || id === null) {
    await harbor.call("POST", "/retentions", policy);
    wrote("created", `retention of project ${name}`);
    return;
  }
  const changed = differing(policy, fieldsOf(await harbor.call("GET", `/retentions/${id}`)));
  if (changed.length === 0) return;
  await harbor.call("PUT", `/retentions/${id}`, { ...policy, id: Number(id) });
  wrote("changed", `retention of project ${name}`, changed);
};

const applyRobots = async (
  robots: readonly DesiredRobot[],
  prefix: string,
  { harbor, passwords, wrote }: Context,
): Promise<void> => {
  const live = await harbor.list("/robots");
  for (const { name, password, ...rest } of robots) {
    const declared: Fields = { ...rest, description: mark, level: "system", disable: false };
    const full = `${prefix}${name}`;
    const secret = await passwords.read(password);
    const found = live.find((each) => each.name === full);
    // Its first password is Harbor's own, and known to nobody.
    const made = found ?? fieldsOf(await harbor.call("POST", "/robots", { ...declared, name }));
    if (!found) wrote("created", `robot ${full}`);
    const changed = found ? differing(ordered(declared), ordered(found)) : [];
    if (changed.length > 0) {
      await harbor.call("PUT", `/robots/${made.id}`, { ...declared, name: full });
      wrote("changed", `robot ${full}`, changed);
    }
    if (found && (await harbor.enters(full, secret))) continue;
    await harbor.call("PATCH", `/robots/${made.id}`, { secret });
    if (found) wrote("set", `password of robot ${full}`);
  }
  const names = robots.map(({ name }) => `${prefix}${name}`);
  for (const stale of live.filter((each) => each.description === mark && !names.includes(String(each.name)))) {
    await harbor.call("DELETE", `/robots/${stale.id}`);
    wrote("removed", `robot ${stale.name}`);
  }
};

// Harbor does not keep the order in which permissions were written.
const ordered = (robot: Fields): Fields => {
  const sorted = (list: Json | undefined, key: (each: Fields) => string): Fields[] =>
    (Array.isArray(list) ? list.map(fieldsOf) : []).sort((one, other) => key(one).localeCompare(key(other)));
  const permissions = sorted(robot.permissions, ({ namespace }) => String(namespace)).map((each) => ({
    ...each,
    access: sorted(each.access, ({ resource, action }) => `${resource} ${action}`),
  }));
  return { ...robot, permissions };
};

const applyGarbageCollection = async (
  declared: { schedule: Fields; parameters: Fields },
  { harbor, wrote }: Context,
): Promise<void> => {
  const path = "/system/gc/schedule";
  const live = fieldsOf(await harbor.call("GET", path));
  const kept = typeof live.job_parameters === "string" ? live.job_parameters : "";
  const parameters = JSON.parse(kept || "{}") as Json;
  if (!differs({ ...declared }, { schedule: live.schedule ?? null, parameters })) return;
  await harbor.call(isFields(live.schedule) ? "PUT" : "POST", path, { ...declared });
  wrote("changed", "schedule of the garbage collection");
};
