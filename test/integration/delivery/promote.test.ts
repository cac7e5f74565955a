// What does a promotion write, and what does it refuse? Real repositories, the real renderer and the real judge.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openClone } from "../../../commands/checkout.ts";
import { carriedOut, type PromotionReport } from "../../../commands/promote.ts";
import { promotionDraft } from "../../../commands/promotion.ts";
import { type AppSettings, app, definePlatform, embedded, flux } from "../../../components/index.ts";
import { findOnPath } from "../../../engine/installed.ts";
import { type Judge, openJudge } from "../../../policies/judge.ts";
import { rules } from "../../../policies/rules/index.ts";
import { type Files, repositoryWith, type TestRepository } from "../../repositories.ts";
import { signer, signLastCommit } from "../../signatures.ts";
import { celForTests } from "../policies/cel.ts";
import { rendererForTests } from "./renderers.ts";

const url = "https://git.example/p.git";
const image = "ghcr.io/acme/shop";
let judge: Judge;
before(async () => {
  await celForTests();
  await rendererForTests("kustomize");
  await rendererForTests("helm");
  judge = await openJudge(rules);
});
after(() => judge.close());

/** A Deployment that no policy refuses. */
const deployment = (reference: string, more = "") => `# of the shop
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      automountServiceAccountToken: false
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: shop
          image: ${reference} # the version${more}
          resources: { requests: { cpu: 10m, memory: 16Mi }, limits: { memory: 32Mi } }
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
          readinessProbe: { httpGet: { path: /, port: 8080 } }
          livenessProbe: { httpGet: { path: /, port: 8080 } }
`;

const config = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: ${data} }\n`;

/** A stack with one app. */
const stack = (name: string, source: AppSettings["source"], more: Partial<AppSettings> = {}, key?: string) => ({
  stack: name,
  definition: definePlatform(
    {
      name,
      git: { url, branch: "main", ...(key && { verify: { keys: [key] } }) },
      cluster: embedded(),
      apps: [app({ name: "shop", source, ...more })],
    },
    { agent: flux() },
  ),
});
type Stack = ReturnType<typeof stack>;

const repositoryOf = (files: Files): TestRepository => {
  const repository = repositoryWith(files);
  repository.git("config", "user.name", "Ada");
  repository.git("config", "user.email", "ada@example.com");
  return repository;
};

const promoted = async ({ folder }: TestRepository, from: Stack, to: Stack, push = false): Promise<PromotionReport> => {
  const clone = await openClone(folder, { url, branch: "main" });
  return carriedOut(await promotionDraft({ app: "shop", from, to }, clone, judge), clone, { push });
};

const paths = (more: Partial<AppSettings> = {}) =>
  [
    stack("staging", { path: "apps/shop/staging" }, more),
    stack("production", { path: "apps/shop/production" }, more),
  ] as const;

/** One folder on two branches: production is `main`, and staging is `next` with some files of its own. */
const onTwoBranches = (files: Files, next: Files) => {
  const repository = repositoryOf(files);
  repository.git("switch", "--quiet", "--create", "next");
  repository.commit(next);
  repository.git("switch", "--quiet", "main");
  return repository;
};
const branches = (more: Partial<AppSettings> = {}) =>
  [stack("staging", { path: "shop", revision: "next" }, more), stack("production", { path: "shop" }, more)] as const;

/** What a branch changes, a line each without its context. */
const changesOf = ({ git }: TestRepository, branch: string): string[] =>
  git("diff", "--unified=0", "main", branch)
    .split("\n")
    .filter((line) => /^[-+](?![-+])/.test(line));

describe("two folders of one repository", () => {
  it("an overlay that says its version", async () => {
    const overlay = (tag: string) =>
      `resources: [../base]\nimages:\n  - name: ${image} # ours\n    newTag: "${tag}" # set by promotions\n`;
    const repository = repositoryOf({
      "apps/shop/base/kustomization.yaml": "resources: [web.yaml]\n",
      "apps/shop/base/web.yaml": deployment(`${image}:0.0.0`),
      "apps/shop/staging/kustomization.yaml": overlay("1.1.0"),
      "apps/shop/production/kustomization.yaml": overlay("1.0.0"),
    });
    const head = repository.git("rev-parse", "HEAD");
    const found = await promoted(repository, ...paths());
    assert.equal(found.branch, "promote/shop-1.1.0");
    assert.deepEqual(found.promotions, [
      {
        what: "image",
        name: image,
        before: ["1.0.0"],
        after: "1.1.0",
        places: ["apps/shop/production/kustomization.yaml:4"],
      },
    ]);
    assert.deepEqual(changesOf(repository, found.branch), [
      '-    newTag: "1.0.0" # set by promotions',
      '+    newTag: "1.1.0" # set by promotions',
    ]);
    assert.match(
      repository.git("log", "-1", "--format=%an%n%B", found.branch),
      new RegExp(`^Ada\nPromote shop 1.1.0 to production\n\n${image} 1.0.0 → 1.1.0\n.*Promoted-from: ${head}$`, "s"),
    );
    assert.equal(repository.git("rev-parse", `${found.branch}~1`), head);
    assert.deepEqual(
      found.made?.diff.changes.map(({ object, fields, restarts }) => [object, fields, restarts]),
      [
        [
          "Deployment shop/shop",
          [
            {
              field: "spec.template.spec.containers[name=shop].image",
              before: `${image}:1.0.0`,
              after: `${image}:1.1.0`,
            },
          ],
          true,
        ],
      ],
    );
    // Nothing of the person's own has moved.
    assert.deepEqual(
      [
        repository.git("status", "--porcelain"),
        repository.git("rev-parse", "HEAD"),
        repository.git("branch", "--show-current"),
      ],
      ["", head, "main"],
    );
  });

  it("a version that stood in a base which both have is named by the overlay alone", async () => {
    const repository = repositoryOf({
      "apps/shop/base/kustomization.yaml": "resources: [web.yaml]\n",
      "apps/shop/base/web.yaml": deployment(`${image}:1.0.0`),
      "apps/shop/staging/kustomization.yaml": `resources: [../base]\nimages: [{ name: ${image}, newTag: 1.1.0 }]\n`,
      "apps/shop/production/kustomization.yaml": "resources: [../base]\n",
    });
    const { branch } = await promoted(repository, ...paths());
    assert.deepEqual(changesOf(repository, branch), ["+images:", `+  - name: "${image}"`, '+    newTag: "1.1.0"']);
  });

  it("plain manifests, which get a digest", async () => {
    const digest = `sha256:${"ab".repeat(32)}`;
    const repository = repositoryOf({
      "apps/shop/staging/web.yaml": deployment(`${image}:1.1.0@${digest}`),
      "apps/shop/production/web.yaml": deployment(`${image}:1.0.0`),
    });
    const { branch, title } = await promoted(repository, ...paths());
    assert.deepEqual([branch, title], ["promote/shop-1.1.0", "Promote shop 1.1.0 to production"]);
    assert.deepEqual(changesOf(repository, branch), [
      `-          image: ${image}:1.0.0 # the version`,
      `+          image: ${image}:1.1.0@${digest} # the version`,
    ]);
  });

  it("nothing where both have the same; what moves, and what only one has, is told and left", async () => {
    const more = (version: string) => `\n        - { name: side, image: "ghcr.io/acme/side:${version}" }`;
    const web = (name: string, side: string) =>
      deployment(`${image}:1.0.0`).replace(
        "      containers:",
        `      initContainers: [{ name: a, image: "${name}:1" }]\n      containers:${more(side)}`,
      );
    const repository = repositoryOf({
      "apps/shop/staging/web.yaml": web("new", "latest"),
      "apps/shop/production/web.yaml": web("old", "1.0"),
    });
    const { branch, promotions, left } = await promoted(repository, ...paths());
    assert.deepEqual([branch, promotions], ["", []]);
    assert.deepEqual(left, [
      'ghcr.io/acme/side is "latest" in staging, which may be another image tomorrow',
      "staging alone has new",
      "production alone has old",
    ]);
    assert.equal(repository.git("for-each-ref", "--format=%(refname)"), "refs/heads/main");
  });
});

describe("one folder on two branches", () => {
  it("the version alone goes over, from the branch as the server has it", async () => {
    const server = onTwoBranches(
      { "shop/web.yaml": deployment(`${image}:1.0.0`), "shop/config.yaml": config("a") },
      { "shop/web.yaml": deployment(`${image}:1.1.0`), "shop/config.yaml": config("b") },
    );
    const clone = repositoryOf({ "README.md": "" });
    clone.git("remote", "add", "origin", server.folder);
    const before = clone.git("rev-parse", "HEAD");
    const [from, to] = branches();
    const found = await promoted(clone, from, to, true);
    assert.deepEqual([found.branch, found.pushed], ["promote/shop-1.1.0", true]);
    assert.deepEqual(changesOf(server, found.branch), [
      `-          image: ${image}:1.0.0 # the version`,
      `+          image: ${image}:1.1.0 # the version`,
    ]);
    assert.equal(clone.git("rev-parse", "HEAD"), before);
    // Asked once more, it is the same branch; one that holds something else is nobody's to overwrite.
    assert.equal((await promoted(clone, from, to, true)).commit, found.commit);
    const delivered = { ...from, delivered: { commit: server.git("rev-parse", "next") } };
    server.git("switch", "--quiet", "next");
    server.commit({ "shop/web.yaml": deployment(`${image}:1.2.0`) });
    assert.equal((await promoted(clone, delivered, to)).commit, found.commit);
    assert.equal((await promoted(clone, from, to)).branch, "promote/shop-1.2.0");
    server.git("switch", "--quiet", "main");
    server.commit({ "README.md": "" });
    await assert.rejects(promoted(clone, delivered, to), {
      code: "BRANCH_EXISTS",
      wayOut: /git branch -D promote\/shop-1\.1\.0/,
    });
  });

  it("a chart comes whole with its version, and values stay but for the version of the image", async () => {
    const chart = (version: string) => `apiVersion: v2\nname: shop\nversion: ${version} # ours\n`;
    const values = (tag: string, replicas: number) =>
      `replicas: ${replicas}\nimage:\n  repository: ${image}\n  tag: "${tag}"\n`;
    const template = deployment("{{ .Values.image.repository }}:{{ .Values.image.tag }}");
    const repository = onTwoBranches(
      {
        "shop/Chart.yaml": chart("1.0.0"),
        "shop/values.yaml": values("1.0.0", 2),
        "shop/templates/web.yaml": template,
        "shop/templates/old.yaml": config("old"),
      },
      {
        "shop/Chart.yaml": chart("1.1.0"),
        "shop/values.yaml": values("2.0.0", 1),
        "shop/templates/web.yaml": template.replace("replicas: 2", "replicas: {{ .Values.replicas }}"),
        "shop/templates/old.yaml": null,
      },
    );
    const { branch, promotions } = await promoted(repository, ...branches());
    assert.match(branch, /^promote\/shop-[0-9a-f]{12}$/);
    assert.deepEqual(
      promotions.map(({ what, name, before, after, places }) => [what, name, before, after, places]),
      [
        ["chart", "shop", ["1.0.0"], "1.1.0", ["shop/Chart.yaml:3"]],
        ["image", image, ["1.0.0"], "2.0.0", ["shop/values.yaml:4"]],
      ],
    );
    assert.equal(
      repository.git("diff", "--name-status", "main", branch),
      "M\tshop/Chart.yaml\nD\tshop/templates/old.yaml\nM\tshop/templates/web.yaml\nM\tshop/values.yaml",
    );
    assert.equal(repository.git("show", `${branch}:shop/values.yaml`), values("2.0.0", 2).trim());
  });
});

describe("one chart in one folder, for both", () => {
  it("the values of the target alone are written; where they say no version, that is an error", async () => {
    const values = (tag: string) => `image:\n  tag: ${tag} # ours\n`;
    const files = {
      "shop/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
      "shop/values.yaml": `image:\n  repository: ${image}\n  tag: 1.0.0\n`,
      "shop/templates/web.yaml": deployment("{{ .Values.image.repository }}:{{ .Values.image.tag }}"),
      "shop/staging.yaml": values("1.1.0"),
    };
    const of = (name: string) => stack(name, { path: "shop" }, { kind: "helm", valuesFiles: [`${name}.yaml`] });
    const repository = repositoryOf({ ...files, "shop/production.yaml": values("1.0.0") });
    const { branch } = await promoted(repository, of("staging"), of("production"));
    assert.deepEqual(changesOf(repository, branch), ["-  tag: 1.0.0 # ours", "+  tag: 1.1.0 # ours"]);
    const silent = repositoryOf({ ...files, "shop/production.yaml": "{}\n" });
    await assert.rejects(promoted(silent, of("staging"), of("production")), {
      code: "NOT_PROMOTED",
      message: `${image} stays at 1.0.0 in production, not 1.1.0: no file of shop says its version.`,
    });
  });
});

describe("a chart that consists of others", () => {
  it("gets their versions and archives", async () => {
    const umbrella = (version: string) =>
      `apiVersion: v2\nname: shop\nversion: 0.1.0\ndependencies:\n  - name: web # ours\n    version: ${version}\n    repository: https://charts.example/\n`;
    const parts = (stage: string, version: string): Files => ({
      [`apps/shop/${stage}/Chart.yaml`]: umbrella(version),
      [`apps/shop/${stage}/Chart.lock`]: `digest: sha256:${version}\n`,
      [`apps/shop/${stage}/charts/web/Chart.yaml`]: `apiVersion: v2\nname: web\nversion: ${version}\n`,
      [`apps/shop/${stage}/charts/web/templates/web.yaml`]: deployment(`${image}:${version}`),
    });
    const repository = repositoryOf({ ...parts("staging", "1.1.0"), ...parts("production", "1.0.0") });
    const { branch, promotions } = await promoted(repository, ...paths());
    assert.deepEqual(
      [branch, promotions.map(({ what, name }) => `${what} ${name}`)],
      ["promote/shop-1.1.0", ["chart web"]],
    );
    assert.equal(repository.git("diff", `${branch}:apps/shop/staging`, `${branch}:apps/shop/production`), "");
  });
});

describe("where signatures are asked for", () => {
  const skip = findOnPath("gpg", ["/usr/bin"]) ? false : "gpg is not on PATH";
  it("it is told who signed, and what nobody of them signed is refused", { skip }, async () => {
    const [ada, eve] = [signer("Ada <ada@example.com>"), signer("Eve")];
    const signed = (name: string, key: string) => stack(name, { path: `apps/shop/${name}` }, {}, key);
    const repository = repositoryOf({
      "apps/shop/staging/web.yaml": deployment(`${image}:1.1.0`),
      "apps/shop/production/web.yaml": deployment(`${image}:1.0.0`),
    });
    const stacks = [signed("staging", ada.publicKey), signed("production", eve.publicKey)] as const;
    const refused = (reason: RegExp) =>
      assert.rejects(promoted(repository, ...stacks), { code: "NOT_SIGNED", message: reason });
    await refused(new RegExp(`^staging delivers only what the key ${ada.id} signed: the commit .* has none\\.$`));
    signLastCommit(repository.folder, eve);
    await refused(/ has another signature\.$/);
    repository.commit({ "README.md": "signed by somebody else" });
    signLastCommit(repository.folder, ada);
    const { from, to, body } = await promoted(repository, ...stacks);
    assert.deepEqual(
      from.approvals?.map(({ what, by, key }) => [what, by, key]),
      [["commit", "Ada <ada@example.com>", ada.id]],
    );
    assert.deepEqual(to.signers, [eve.id]);
    assert.match(
      body,
      /### Approved\n\n- ✅ the commit in staging is signed by Ada .*\n- ⚠️ production delivers only what the key/,
    );
  });
});

describe("it is refused, and no branch made", () => {
  const refused = async (repository: TestRepository, [from, to]: readonly [Stack, Stack]) => {
    const { code, message, wayOut, exitCode } = await promoted(repository, from, to).then(
      () => assert.fail("it was promoted"),
      (error) => error,
    );
    assert.equal(repository.git("for-each-ref", "--format=%(refname)", "refs/heads/promote"), "");
    return `${code} ${exitCode} ${message} ${wayOut}`;
  };

  it("where the stack file says the version", async () => {
    const repository = repositoryOf({
      "apps/shop/staging/web.yaml": deployment(`${image}:1.1.0`),
      "apps/shop/production/web.yaml": deployment(`${image}:1.0.0`),
    });
    const [from] = paths();
    const to = stack("production", { path: "apps/shop/production" }, { images: { [image]: "1.0.0" } });
    assert.match(
      await refused(repository, [from, to]),
      /^NOT_PROMOTED 1 .*stays at 1\.0\.0 in production, not 1\.1\.0: stacks\/production\.ts says it: images\. change it there/,
    );
  });

  it("where a policy would refuse it, by file and line", async () => {
    const repository = repositoryOf({
      "apps/shop/staging/web.yaml": deployment(`${image}:1.1.0`),
      "apps/shop/production/web.yaml": deployment(`${image}:1.0.0`).replace(
        "    spec:\n",
        "    spec:\n      hostPID: true\n",
      ),
    });
    assert.match(
      await refused(repository, paths()),
      /^REFUSED 2 shop would break policies in production:\n {2}apps\/shop\/production\/web\.yaml:2: Deployment shop\/shop: host-namespaces: /,
    );
  });

  it("where the draft can't be rendered, by file and line", async () => {
    const chart = (version: string) => `apiVersion: v2\nname: shop\nversion: ${version}\n`;
    const repository = onTwoBranches(
      { "shop/Chart.yaml": chart("1.0.0"), "shop/values.yaml": "", "shop/templates/a.yaml": config("a") },
      {
        "shop/Chart.yaml": chart("1.1.0"),
        "shop/values.yaml": "a: b\n",
        "shop/templates/a.yaml": config('{{ required "say a" .Values.a }}'),
      },
    );
    assert.match(
      await refused(repository, branches()),
      /^NOT_RENDERED 1 .*shop\/templates\/a\.yaml:4.*say a.*no branch was made/s,
    );
  });

  it("where one of the two has no such app", async () => {
    const repository = repositoryOf({ "apps/shop/production/web.yaml": deployment(`${image}:1.0.0`) });
    assert.match(await refused(repository, paths()), /^NOT_RENDERED 1 .*apps\/shop\/staging/);
    const [, to] = paths();
    const other = {
      stack: "staging",
      definition: definePlatform({ ...to.definition.settings, apps: [] }, { agent: flux() }),
    };
    assert.match(await refused(repository, [other, to]), /^NO_APP 1 There is no app "shop" in stack staging/);
  });
});
