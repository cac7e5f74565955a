import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { execa } from "execa";
import type { HarborArgs } from "../../../components/index.ts";
import { robotPassword } from "../../../components/registry/harbor-keys.ts";
import { jobMain, settingsOf } from "../../../components/registry/harbor-settings.ts";
import { runSettings } from "../../../components/registry/settings-job/run.ts";
import { fakeHarbor } from "../../harbor-api.ts";

const key = (name: string) => ({ name, key: "password" });
const declared: HarborArgs = {
  host: "harbor.example.com",
  oidc: {
    name: "sso",
    endpoint: "https://sso.example.com/realms/platform",
    clientId: "harbor",
    clientSecret: key("sso"),
    groupsClaim: "groups",
    adminGroup: "platform",
    userClaim: "preferred_username",
  },
  projects: [
    {
      name: "shop",
      blockSeverity: "critical",
      sbomOnPush: true,
      quota: "100Gi",
      groups: { "team-shop": "developer", auditors: "guest" },
      retention: {
        schedule: "0 30 2 * * *",
        rules: [
          { tags: "v*", always: true },
          { repositories: "{web,api}", latestPushed: 10 },
          { pulledWithinDays: 30, untagged: false },
        ],
      },
    },
    { name: "2048", public: true, scanOnPush: false },
  ],
  proxyCaches: [
    {
      name: "dockerhub",
      kind: "docker-hub",
      username: "acme",
      password: key("dockerhub"),
      retention: { schedule: "0 0 4 * * *", rules: [{ pulledWithinDays: 14 }] },
    },
    { name: "internal", kind: "harbor", url: "https://harbor.internal.example.com" },
  ],
  robots: [
    { name: "ci", projects: ["shop", "2048"], push: true, days: 90 },
    { name: "scanner", projects: ["shop"] },
  ],
  garbageCollection: { schedule: "0 0 3 * * *", untagged: true },
};
const secrets = {
  admin: "Admin-password-1",
  oidc: "Client-secret-1",
  "registry-dockerhub": "Hub-password-1",
  "robot-plumbline-pull": robotPassword(),
  "robot-plumbline-push": robotPassword(),
  "robot-ci": robotPassword(),
  "robot-scanner": robotPassword(),
};

describe("the Job of the settings", () => {
  let harbor: Awaited<ReturnType<typeof fakeHarbor>>;
  let folder: string;
  beforeEach(async () => {
    harbor = await fakeHarbor(secrets.admin);
    folder = mkdtempSync(join(tmpdir(), "plumbline-harbor-"));
  });
  afterEach(async () => {
    await harbor.close();
    rmSync(folder, { recursive: true });
  });

  const given = async (args: HarborArgs, passwords: Record<string, string>, patience = 5) => {
    const { settings, files } = settingsOf(args, "harbor-keys", harbor.url);
    const [file, kept] = [join(folder, "settings.json"), join(folder, "secrets")];
    writeFileSync(file, JSON.stringify({ ...settings, patience }));
    mkdirSync(kept, { recursive: true });
    for (const each of Object.keys(files)) writeFileSync(join(kept, each), `${passwords[each]}\n`);
    return [file, kept] as const;
  };
  const quiet = (text: string, passwords: Record<string, string>) => {
    for (const secret of [...Object.values(passwords), ...harbor.state.robots.map((robot) => robot.secret)]) {
      assert.ok(!text.includes(secret), `the output holds ${secret}`);
    }
  };
  /** One run, within this process. */
  const apply = async (args = declared, passwords: Record<string, string> = secrets, patience = 5) => {
    const said: string[] = [];
    let failure = "";
    const exitCode = await runSettings(...(await given(args, passwords, patience)), {
      out: (line) => said.push(line),
      error: (line) => {
        failure = line;
      },
    });
    quiet([...said, failure].join(), passwords);
    return { exitCode, said, failure };
  };
  const applied = async (args?: HarborArgs) => {
    const { exitCode, said, failure } = await apply(args);
    assert.equal(exitCode, 0, failure);
    return said;
  };
  const project = (name: string) => harbor.state.projects.find((each) => each.name === name);

  test("is the program that stands in the ConfigMap, and ends with what a Job understands", async () => {
    const run = async (passwords: Record<string, string>) => {
      const { exitCode, all } = await execa(process.execPath, [jobMain, ...(await given(declared, passwords))], {
        reject: false,
        all: true,
      });
      quiet(all, passwords);
      return { exitCode, all };
    };
    const well = await run(secrets);
    assert.equal(well.exitCode, 0, well.all);
    assert.match(well.all, /^created project shop$/m);
    const failed = await run({ ...secrets, admin: "Another-1" });
    assert.equal(failed.exitCode, 1);
    assert.match(failed.all, /^Harbor does not admit the user admin/);
  });

  test("brings everything that is declared into an empty Harbor", async () => {
    const said = await applied();
    const { configuration, registries, quotas, members, retentions, robots, schedule } = harbor.state;
    assert.equal(configuration.auth_mode, "oidc_auth");
    assert.equal(configuration.oidc_client_secret, secrets.oidc);
    assert.equal(configuration.oidc_auto_onboard, true);
    assert.equal(configuration.project_creation_restriction, "adminonly");
    assert.deepEqual(
      registries.map(({ name, type, url, credential }) => [name, type, url, credential?.access_secret]),
      [
        ["dockerhub", "docker-hub", "https://hub.docker.com", secrets["registry-dockerhub"]],
        ["internal", "harbor", "https://harbor.internal.example.com", undefined],
      ],
    );
    const shop = project("shop");
    assert.deepEqual(shop.metadata, {
      public: "false",
      auto_scan: "true",
      auto_sbom_generation: "true",
      prevent_vul: "true",
      severity: "critical",
      retention_id: shop.metadata.retention_id,
    });
    assert.equal(project("2048").metadata.auto_scan, "false");
    assert.equal(project("dockerhub").registry_id, registries[0].id);
    assert.equal(quotas.find((each) => each.project === shop.project_id).hard.storage, 100 * 2 ** 30);
    assert.deepEqual(
      members.map(({ entity_name, role_id }) => [entity_name, role_id]),
      [
        ["team-shop", 2],
        ["auditors", 3],
      ],
    );
    const policy = retentions.find(({ id }) => String(id) === shop.metadata.retention_id);
    assert.deepEqual(policy.scope, { level: "project", ref: shop.project_id });
    assert.deepEqual(
      policy.rules.map(({ template, params }: { template: string; params: object }) => [template, params]),
      [
        ["always", {}],
        ["latestPushedK", { latestPushedK: 10 }],
        ["nDaysSinceLastPull", { nDaysSinceLastPull: 30 }],
      ],
    );
    assert.deepEqual(
      robots.map(({ name, secret, duration }) => [name, secret, duration]),
      [
        ["robot$plumbline-pull", secrets["robot-plumbline-pull"], -1],
        ["robot$plumbline-push", secrets["robot-plumbline-push"], -1],
        ["robot$ci", secrets["robot-ci"], 90],
        ["robot$scanner", secrets["robot-scanner"], -1],
      ],
    );
    const access = (robot: string) =>
      robots
        .find(({ name }) => name === robot)
        .permissions.map(({ namespace, access: may }: { namespace: string; access: { action: string }[] }) =>
          [namespace, ...may.map(({ action }) => action)].join(" "),
        );
    assert.deepEqual(access("robot$plumbline-pull"), ["* pull"]);
    assert.deepEqual(access("robot$ci").sort(), ["2048 pull push", "shop pull push"]);
    assert.equal(schedule.schedule.cron, "0 0 3 * * *");
    assert.equal(JSON.parse(schedule.job_parameters).delete_untagged, true);
    assert.deepEqual(
      said.filter((line) => line.startsWith("created")),
      [
        "created registry dockerhub",
        "created registry internal",
        "created project shop",
        "created retention of project shop",
        "created project 2048",
        "created project dockerhub",
        "created retention of project dockerhub",
        "created project internal",
        "created robot robot$plumbline-pull",
        "created robot robot$plumbline-push",
        "created robot robot$ci",
        "created robot robot$scanner",
      ],
    );
  });

  test("changes nothing when it is repeated, and sets again what Harbor does not show", async () => {
    await applied();
    harbor.written();
    const before = structuredClone(harbor.state);
    assert.deepEqual(await applied(), [
      "set configuration oidc_client_secret, which Harbor does not show",
      "set password of registry dockerhub, which Harbor does not show",
    ]);
    assert.deepEqual(harbor.state, before);
    assert.deepEqual(
      harbor.written().map(({ call }) => call),
      ["PUT /configurations", `PUT /registries/${before.registries[0].id}`],
    );
    const { oidc: _, proxyCaches: __, projects = [], ...rest } = declared;
    const shown: HarborArgs = { ...rest, projects: projects.map(({ groups, ...each }) => each) };
    assert.deepEqual(await applied(shown), ["nothing to change"]);
    assert.deepEqual(harbor.written(), []);
  });

  test("changes just what differs", async () => {
    await applied();
    harbor.written();
    const [shop, other] = declared.projects ?? [];
    const said = await applied({
      ...declared,
      projects: [
        {
          ...shop,
          name: "shop",
          public: true,
          quota: "200Gi",
          groups: { "team-shop": "maintainer", sales: "limited-guest" },
          retention: { schedule: "0 30 5 * * *", rules: shop?.retention?.rules ?? [] },
        },
        ...(other ? [other] : []),
      ],
      robots: [{ name: "ci", projects: ["shop"], push: true, days: 90 }],
      garbageCollection: { schedule: "0 0 3 * * 0", untagged: true },
    });
    assert.deepEqual(
      said.filter((line) => !line.startsWith("set")),
      [
        "changed project shop: public",
        "changed quota of project shop",
        "changed role of group team-shop in project shop",
        "added group sales to project shop",
        "removed group auditors from project shop",
        "changed retention of project shop: trigger",
        "changed robot robot$ci: permissions",
        "removed robot robot$scanner",
        "changed schedule of the garbage collection",
      ],
    );
    assert.equal(project("shop").metadata.public, "true");
    assert.equal(project("shop").metadata.severity, "critical");
  });

  test("leaves alone what people made in Harbor and no stack declares", async () => {
    harbor.state.robots.push({
      id: 90,
      name: "robot$theirs",
      description: "by hand",
      level: "system",
      secret: "Theirs-1",
    });
    harbor.state.projects.push({ project_id: 91, name: "theirs", metadata: { public: "true" } });
    await applied();
    assert.ok(project("theirs") && project("library"));
    assert.ok(harbor.state.robots.some(({ name }) => name === "robot$theirs"));
  });

  test("gives a robot the declared password again when it was changed in Harbor", async () => {
    await applied();
    const robot = harbor.state.robots.find(({ name }) => name === "robot$ci");
    robot.secret = "Changed-by-hand-1";
    assert.ok((await applied()).includes("set password of robot robot$ci"));
    assert.equal(robot.secret, secrets["robot-ci"]);
  });

  test("fails with Harbor's reason when a call is refused, without a password in it", async () => {
    // This Harbor quotes what it was sent.
    harbor.refuse("POST /registries", 400, "the registry is unhealthy: ");
    const { exitCode, failure } = await apply();
    assert.equal(exitCode, 1);
    assert.match(
      failure,
      /^Harbor answers 400 to POST \/registries: the registry is unhealthy: .*"access_secret":"\(secret\)"/,
    );
  });

  for (const call of [
    "POST /projects",
    "POST /projects/*/members",
    "POST /retentions",
    "POST /robots",
    "PATCH /robots/*",
  ]) {
    test(`goes on where it failed: ${call}`, async () => {
      harbor.refuse(call, 500, "broken: ");
      const { exitCode, failure } = await apply();
      assert.equal(exitCode, 1);
      assert.match(failure, /Harbor answers 500 to .*: broken: /);
      await applied();
      const converged = structuredClone(harbor.state);
      const whole = await fakeHarbor(secrets.admin);
      await harbor.close();
      harbor = whole;
      await applied();
      const bare = (state: typeof converged) =>
        JSON.stringify(state).replace(/"(id|ref|project|project_id|registry_id|retention_id)":"?\d+"?/g, "");
      assert.equal(bare(converged), bare(whole.state));
    });
  }

  test("waits for Harbor, not for ever, and names what ails", async () => {
    harbor.state.healthy = false;
    const { exitCode, failure } = await apply(declared, secrets, 1);
    assert.equal(exitCode, 1);
    assert.match(failure, /was not healthy within 1 s: database \(connection refused\)$/);
    setTimeout(() => {
      harbor.state.healthy = true;
    }, 300);
    await applied();
  });

  test("says so when the password of admin is another, and when a password is empty", async () => {
    const wrong = await apply(declared, { ...secrets, admin: "Another-1" });
    assert.match(wrong.failure, /does not admit the user admin with the declared password/);
    const empty = await apply(declared, { ...secrets, oidc: "  " });
    assert.match(empty.failure, /^oidc is empty: its Secret holds nothing under that key$/);
    assert.equal(empty.exitCode, 1);
  });

  test("says so when Harbor cannot become what is declared", async () => {
    await applied();
    const [hub] = declared.proxyCaches ?? [];
    const kind = await apply({ ...declared, proxyCaches: [{ ...hub, name: "dockerhub", kind: "quay" }] });
    assert.match(kind.failure, /registry dockerhub is of type docker-hub in Harbor, declared is quay/);
    const cache = await apply({ ...declared, proxyCaches: [], projects: [{ name: "dockerhub" }], robots: [] });
    assert.match(cache.failure, /project dockerhub is a cache of another registry in Harbor/);
  });
});

test("what Harbor's API does not know would fail here", async () => {
  const harbor = await fakeHarbor("x");
  const headers = { authorization: `Basic ${Buffer.from("admin:x").toString("base64")}` };
  const ask = async (path: string, body: object) => {
    const response = await fetch(`${harbor.url}/api/v2.0${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    return response.status;
  };
  assert.equal(await ask("/projects", { project_name: "shop", scan: true }), 422);
  assert.equal(await ask("/projects", { project_name: "shop", metadata: { public: true } }), 422);
  assert.equal(await ask("/project", { project_name: "shop" }), 404);
  await harbor.close();
});
