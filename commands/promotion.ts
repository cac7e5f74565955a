// What goes from one environment to the other, and what does it change there? A draft, rendered and judged before a branch has it.
import { AppKind } from "../components/agent/agent.ts";
import { closureOf, contentsOf } from "../components/delivery/closure.ts";
import type { AppDeclaration } from "../components/delivery/declaration.ts";
import { appsOf, folderOf, kindOf, pathIn } from "../components/delivery/discover.ts";
import { type RenderedObject, render, requestOf } from "../components/delivery/render.ts";
import { type Entry, openRepository, reachable, type Snapshot } from "../components/delivery/repository.ts";
import { type RenderingAgent, renderingAgentOf, seenBy } from "../components/delivery/seen.ts";
import type { Definition } from "../components/index.ts";
import type { Judge } from "../policies/judge.ts";
import { appFiles, type Clone, type DeclaredFiles, declaredFiles } from "./checkout.ts";
import { type AppDiff, diffsOf } from "./diff.ts";
import { exit, Failure } from "./failure.ts";
import { promotedChart } from "./promote-chart.ts";
import { type Changes, draftOf, tipOf } from "./promote-draft.ts";
import { isKustomization, type Texts, withImage, withImageEntry } from "./promote-edits.ts";
import { type Compared, comparedImages, deployedImages, imageOf, moves, type Promotion } from "./promote-images.ts";
import { type Approval, approvalsOf, signersOf, wantsTag } from "./promote-signature.ts";
import { needHelm, renderFailure } from "./renderers.ts";

/** One of the two environments. */
export interface Environment {
  readonly stack: string;
  readonly definition: Definition;
}

/** What the platform of an environment says of the app, where it was asked. */
export interface Delivered {
  /** Full hash. */
  readonly commit: string;
  readonly since?: string;
}

/** What is to be promoted. */
export interface PromotionRequest {
  readonly app: string;
  readonly from: Environment & { readonly delivered?: Delivered };
  readonly to: Environment;
}

/** A version that goes over, and where that is written. */
export interface Promoted extends Promotion {
  /** "apps/shop/production/kustomization.yaml:7" */
  readonly places: readonly string[];
}

/** What a promotion comes to. */
export interface Draft {
  readonly app: string;
  readonly from: {
    readonly stack: string;
    readonly commit: string;
    readonly delivered?: Delivered;
    /** Who signed it, where its stack asks for that. */
    readonly approvals?: readonly Approval[];
  };
  readonly to: {
    readonly stack: string;
    /** The one that the draft stands on. */
    readonly commit: string;
    readonly branch: string;
    readonly agent: string;
    /** Keys of those one of whom must sign what it delivers, where its stack asks for that. */
    readonly signers?: readonly string[];
  };
  /** Empty where both have the same. */
  readonly promotions: readonly Promoted[];
  /** What differs and is left as it is, in a sentence each. */
  readonly left: readonly string[];
  /** The draft's commit, and what it changes; undefined where there is nothing to promote. */
  readonly made?: { readonly commit: string; readonly diff: AppDiff };
}

/**
 * Makes the draft: a commit that no branch has yet.
 *
 * @param clone a clone of the repository of the environment that is written to
 * @throws Failure when something cannot be read or rendered, breaks a policy, or is said where no commit can change it
 */
export const promotionDraft = async (request: PromotionRequest, clone: Clone, judge: Judge): Promise<Draft> => {
  const opened: Snapshot[] = [];
  const open = async (...[place, revision]: Parameters<typeof openRepository>) => {
    const snapshot = await openRepository(place, revision);
    opened.push(snapshot);
    return snapshot;
  };
  try {
    const { app, from, to } = request;
    const { branch, url } = appFiles(to.definition, to.stack, app);
    const base = await tipOf(clone, branch);
    const target = await sideOf(to, app, await open(clone.folder, { commit: base }));
    const source = await sideOf(from, app, await fromSnapshot(request, url, clone, open));
    if ([source, target].some(({ kind }) => kind === AppKind.Helm)) await needHelm(target.agent);
    const [wanted, chart] = [
      deployedImages(await objectsOf(source)),
      target.kind === AppKind.Helm && source.kind === AppKind.Helm
        ? await promotedChart(chartOf(source), chartOf(target))
        : { promotions: [], changes: new Map(), left: [] },
    ];
    const at = async (changes: Changes, message = "A draft") => {
      const commit = changes.size === 0 ? base : await draftOf(clone, base, changes, message);
      return { ...target, snapshot: await seenBy(await open(clone.folder, { commit }), target.agent) };
    };
    const withChart = await at(chart.changes);
    const compared = comparedImages(wanted, deployedImages(await objectsOf(withChart)));
    const images = await editedFor(compared, source, withChart);
    const promotions = [...chart.promotions, ...images.promotions];
    const asked = source.files.source.verify;
    const approvals = asked && (await approvalsOf(source.snapshot, source.files.source.revision, asked, from.stack));
    const signers = target.files.source.verify && signersOf(target.files.source.verify);
    const { delivered } = from;
    const facts = {
      app,
      from: {
        stack: from.stack,
        commit: source.snapshot.commit,
        ...(delivered && { delivered }),
        ...(approvals && { approvals }),
      },
      to: { stack: to.stack, commit: base, branch, agent: target.agent, ...(signers && { signers }) },
      promotions,
      left: [...chart.left, ...leftOf(compared, from.stack, to.stack)],
    };
    if (promotions.length === 0) return facts;
    const draft = await at(new Map([...chart.changes, ...images.texts]), messageOf(facts));
    const { commit } = draft.snapshot;
    const [diff] = await diffsOf(to.definition, app, { repository: clone.folder, from: base, to: commit }, judge);
    refuseUnwritten(comparedImages(wanted, deployedImages(await objectsOf(draft))), draft);
    if (!diff) throw new Error(`${app} was not compared`);
    refuseViolations(diff, to.stack);
    return { ...facts, made: { commit, diff } };
  } catch (error) {
    throw renderFailure(error, "mend what is named, commit it, and promote then; no branch was made");
  } finally {
    await Promise.all(opened.map(({ close }) => close()));
  }
};

/** An app in one environment, at a commit as its agent sees it. */
interface Side extends Environment {
  readonly files: DeclaredFiles;
  readonly declared: AppDeclaration;
  readonly snapshot: Snapshot;
  readonly agent: RenderingAgent;
  readonly kind: AppKind;
}

const sideOf = async ({ stack, definition }: Environment, app: string, whole: Snapshot): Promise<Side> => {
  const files = declaredFiles(definition, stack, app);
  const { declaration } = files;
  const declared =
    declaration.declared === "app" ? declaration : appsOf(declaration, whole).find(({ name }) => name === app);
  if (!declared)
    throw new Failure(
      "NO_APP",
      `There is no app "${app}" in stack ${stack}: ${whole.url} has nothing at ${files.path}.`,
      {
        wayOut: "name one that both stacks have",
      },
    );
  // Pulumi applies an app of the model "push", and renders as Flux does.
  const agent = declared.model === "push" ? "flux" : renderingAgentOf(definition.layers);
  const snapshot = await seenBy(whole, agent);
  const kind = declared.kind ?? kindOf(snapshot, declared.source.path);
  return { stack, definition, files, declared, snapshot, agent, kind };
};

/** What an environment has: the delivered commit where that is known, else what its agent would deliver next. */
const fromSnapshot = async (
  { app, from }: PromotionRequest,
  url: string,
  clone: Clone,
  open: (place: string, revision: Parameters<typeof openRepository>[1]) => Promise<Snapshot>,
): Promise<Snapshot> => {
  const { source } = declaredFiles(from.definition, from.stack, app);
  const byTag = source.verify && wantsTag(source.verify, source.revision);
  const delivered = from.delivered && !byTag ? { commit: from.delivered.commit } : undefined;
  if (source.url !== url || !("branch" in source.revision))
    return open(reachable(source.url), delivered ?? source.revision);
  const tip = await tipOf(clone, source.revision.branch);
  return open(clone.folder, delivered ?? { commit: tip });
};

const objectsOf = async ({ snapshot, declared, agent }: Side): Promise<readonly RenderedObject[]> =>
  (await render(snapshot, { ...requestOf(declared), agent, upgrade: true })).objects;

const chartOf = ({ snapshot, declared }: Side) => ({
  snapshot,
  folder: folderOf(declared.source.path),
  valuesFiles: declared.valuesFiles ?? [],
});

/** The versions of images in the files of the target, as far as they are its own. */
const editedFor = async (
  compared: Compared,
  source: Side,
  target: Side,
): Promise<{ texts: Texts; promotions: Promoted[] }> => {
  const writable = new Map(await textsOf(target.snapshot, await ownFiles(source, target)));
  const readable = await textsOf(target.snapshot, valuesOf(target));
  const root = [...writable.keys()].find(
    (path) =>
      isKustomization(path) && pathIn(folderOf(target.declared.source.path), path.split("/").at(-1) ?? "") === path,
  );
  const texts = new Map<string, string>();
  const promotions: Promoted[] = [];
  for (const promotion of compared.promotions.filter(isFixed)) {
    const image = imageOf(referenceTo(promotion)) ?? { name: promotion.name };
    const written = withImage(writable, image, readable);
    const edited =
      written.texts.size === 0 && root !== undefined && target.kind !== AppKind.Helm
        ? withImageEntry(root, writable.get(root) ?? "", image)
        : written;
    for (const [path, text] of edited.texts) {
      writable.set(path, text);
      texts.set(path, text);
    }
    promotions.push({ ...promotion, places: edited.places });
  }
  return { texts, promotions };
};

const referenceTo = ({ name, after }: Promotion): string =>
  after.startsWith("sha256:") ? `${name}@${after}` : `${name}:${after}`;

/** A version that is the same tomorrow. */
const isFixed = (promotion: Promotion): boolean => !moves(imageOf(referenceTo(promotion)) ?? {});

/** Files that a promotion may write: of the target's folder, and not read by the source as well. */
const ownFiles = async (source: Side, target: Side): Promise<Entry[]> => {
  const folder = folderOf(target.declared.source.path);
  const closure = await closureOf(target.snapshot, folder, target.kind);
  const branches = [source, target].map(({ files }) => JSON.stringify([files.source.url, files.source.revision]));
  const shared =
    branches[0] === branches[1]
      ? await closureOf(source.snapshot, source.declared.source.path, source.kind)
      : new Map<string, Entry>();
  const values = valuesOf(target).map(({ path }) => path);
  const others = new Set(valuesOf(source).map(({ path }) => path));
  return [...closure.values()].filter(({ type, path, bytes }) => {
    // What was fetched from elsewhere is no file of this repository.
    if (bytes || type !== "file" || !path.startsWith(folder && `${folder}/`)) return false;
    if (target.kind !== AppKind.Helm) return !shared.has(path);
    // A chart is read as a whole, of its values only those that are named.
    if (values.includes(path)) return !shared.has(path) || !others.has(path);
    return path.startsWith(`${pathIn(folder, "templates")}/`) && !shared.has(path);
  });
};

/** Files with values of a chart, in the order in which they count. */
const valuesOf = ({ snapshot, declared, kind }: Side): Entry[] => {
  const folder = folderOf(declared.source.path);
  const names = kind === AppKind.Helm ? ["values.yaml", ...(declared.valuesFiles ?? [])] : [];
  return [...new Set(names)].flatMap((name) => snapshot.entries.get(pathIn(folder, name)) ?? []);
};

/** Texts of files that are none in UTF-8 are left out: they would not come back as they were. */
const textsOf = async (snapshot: Snapshot, entries: readonly Entry[]): Promise<Texts> => {
  const contents = await contentsOf(snapshot, entries);
  return new Map(
    [...contents].flatMap(([path, bytes]) => {
      const text = bytes.toString();
      return Buffer.from(text).equals(bytes) ? [[path, text] as const] : [];
    }),
  );
};

const leftOf = ({ promotions, only, several }: Compared, from: string, to: string): string[] => [
  ...promotions
    .filter((each) => !isFixed(each))
    .map(({ name, after }) => `${name} is "${after || "latest"}" in ${from}, which may be another image tomorrow`),
  ...several.map(({ name, versions }) => `${name} is of several versions in ${from}: ${versions.join(", ")}`),
  ...only.from.map((name) => `${from} alone has ${name}`),
  ...only.to.map((name) => `${to} alone has ${name}`),
];

/** "ghcr.io/acme/shop 1.0.0 → 1.1.0" */
export const inWords = ({ name, before, after }: Promotion): string =>
  `${name} ${before.map((each) => each || "no version").join(", ")} → ${after}`;

/** The one version that goes over, in a word; undefined where there are several. */
export const oneVersion = ({ promotions }: Pick<Draft, "promotions">): string | undefined => {
  const words = promotions.map(({ after }) =>
    after.startsWith("sha256:") ? after.slice(0, 19) : after.replace(/@.*$/, ""),
  );
  return new Set(words).size === 1 ? words[0] : undefined;
};

/** Subject of the commit, and title of the pull request. */
export const titleOf = (draft: Pick<Draft, "app" | "to" | "promotions">): string =>
  ["Promote", draft.app, oneVersion(draft), "to", draft.to.stack].filter(Boolean).join(" ");

const messageOf = (draft: Draft): string =>
  [
    titleOf(draft),
    "",
    ...draft.promotions.map(inWords),
    "",
    `From ${draft.from.stack}.`,
    "",
    `Promoted-from: ${draft.from.commit}`,
    "",
  ].join("\n");

/** What stands where no file of the app's own folder says it: the draft does not change it. */
const refuseUnwritten = ({ promotions }: Compared, { stack, declared, files }: Side): void => {
  const [missed] = promotions.filter(isFixed);
  if (!missed) return;
  const { name, before, after } = missed;
  const said = declared.images?.[name];
  const place = said === undefined ? `no file of ${files.path} says its version` : `stacks/${stack}.ts says it: images`;
  throw new Failure("NOT_PROMOTED", `${name} stays at ${before.join(", ")} in ${stack}, not ${after}: ${place}.`, {
    wayOut:
      said === undefined
        ? `name its version there: "images" of a kustomization, repository and tag in the chart's values; no branch was made`
        : `change it there to ${after}; no branch was made`,
  });
};

const refuseViolations = ({ violations, app }: AppDiff, stack: string): void => {
  if (violations.length === 0) return;
  const lines = violations.map(
    ({ place, object, message }) => `  ${[place, object, message].filter(Boolean).join(": ")}`,
  );
  throw new Failure("REFUSED", `${app} would break policies in ${stack}:\n${lines.join("\n")}`, {
    wayOut: `mend it in ${stack} first, or add an exemption to stacks/${stack}.ts; no branch was made`,
    exitCode: exit.differences,
  });
};
