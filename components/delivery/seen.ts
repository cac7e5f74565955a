// Which files of a commit does an agent see? Flux leaves some out, Argo CD follows links; what both can't have is an error.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { git } from "./git.ts";
import type { Entry, Snapshot } from "./repository.ts";

/** Who renders: "flux", as Pulumi itself does for an app of the model "push", or "argo-cd". */
export type RenderingAgent = "flux" | "argo-cd";

/** Whose reading counts on a platform, by its layer for the slot `agent`: where there is none, Pulumi's, which is Flux's. */
export const renderingAgentOf = ({
  agent,
}: {
  readonly agent?: { readonly implementation: string };
}): RenderingAgent => (agent?.implementation === "argo-cd" ? "argo-cd" : "flux");

/** Which Helm an agent has, by the name that the engine knows it by. */
export const helmOf = { flux: "helm", "argo-cd": "argocd-helm" } as const;

/** Name of the file by which a repository tells Flux what is not for the cluster; it has the rules of a `.gitignore`. */
const ignoreFile = ".sourceignore";

/** What Flux leaves out whatever the repository says. */
const ofGit = /(^|\/)(\.git(\/|$)|\.(gitignore|gitmodules|gitattributes)$)/;

/** What Flux leaves out of a repository that has no `.sourceignore`. */
const usual =
  /(^|\/)(\.github|\.circleci)\/|(^|\/)(\.travis\.yml|\.gitlab-ci\.yml|appveyor\.yml|\.drone\.yml|cloudbuild\.yaml|codeship-(services|steps)\.yml|\.goreleaser\.yml|\.sops\.yaml|\.flux\.yaml)(\/|$)|\.(jpe?g|gif|png|wmv|flv|tar\.gz|zip)$/;

const views = new WeakMap<Snapshot, Map<RenderingAgent, Promise<Snapshot>>>();

/** The commit as an agent sees it. Made once for each. */
export const seenBy = (snapshot: Snapshot, agent: RenderingAgent): Promise<Snapshot> => {
  const known = views.get(snapshot) ?? new Map<RenderingAgent, Promise<Snapshot>>();
  views.set(snapshot, known);
  const view = known.get(agent) ?? remembered(agent, agent === "flux" ? withoutIgnored(snapshot) : withLinks(snapshot));
  known.set(agent, view);
  return view;
};

/** A view is its own view: who has one may ask for it again. */
const remembered = async (agent: RenderingAgent, made: Promise<Snapshot>): Promise<Snapshot> => {
  const view = await made;
  views.set(view, new Map([[agent, Promise.resolve(view)]]));
  return view;
};

const withoutIgnored = async (snapshot: Snapshot): Promise<Snapshot> => {
  const entries = [...snapshot.entries.values()];
  const rules = entries.filter(({ type, path }) => type === "file" && posix.basename(path) === ignoreFile);
  const ignored = rules.length > 0 ? await ignoredBy(await snapshot.read(rules), entries) : undefined;
  const seen = entries.filter(({ path }) => !ofGit.test(path) && !(ignored ? ignored.has(path) : usual.test(path)));
  return { ...snapshot, entries: new Map(seen.map((each) => [each.path, each])) };
};

/** The paths that such rules leave out. Git itself reads them, in a folder where they are the only files. */
const ignoredBy = async (
  rules: ReadonlyMap<string, Buffer>,
  entries: readonly Entry[],
): Promise<ReadonlySet<string>> => {
  const folder = await mkdtemp(join(tmpdir(), "plumbline-ignore-"));
  try {
    await git(["init", "--quiet"], { cwd: folder });
    for (const [path, bytes] of rules) {
      const place = join(folder, dirname(path));
      await mkdir(place, { recursive: true });
      await writeFile(join(place, ".gitignore"), bytes);
    }
    const input = entries.map(({ path }) => `${path}\0`).join("");
    // It ends with 1 where nothing is left out.
    const found = await git(["check-ignore", "--no-index", "-z", "--stdin"], {
      cwd: folder,
      settings: { "core.excludesFile": "/dev/null" },
      input,
      done: [0, 1],
    });
    return new Set(found.split("\0"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The repository server of Argo CD reads through a link to a file of the repository. */
const withLinks = async (snapshot: Snapshot): Promise<Snapshot> => {
  const links = [...snapshot.entries.values()].filter(({ type }) => type === "link");
  if (links.length === 0) return snapshot;
  const entries = new Map(snapshot.entries);
  const targets = await snapshot.read(links);
  for (const { path } of links) {
    const target = linkTarget(path, targets.get(path)?.toString() ?? "");
    const found = target === undefined ? undefined : snapshot.entries.get(target);
    if (found?.type === "file") entries.set(path, { ...found, path });
  }
  return { ...snapshot, entries };
};

/** Where in the repository a link leads; undefined where it leads out of it. */
export const linkTarget = (path: string, target: string): string | undefined => {
  const resolved = posix.normalize(posix.join(posix.dirname(path), target)).replace(/\/$/, "");
  return posix.isAbsolute(target) || resolved === ".." || resolved.startsWith("../") ? undefined : resolved;
};
