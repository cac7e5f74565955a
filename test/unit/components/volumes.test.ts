// Where do layers keep their data? In the class of the cluster that keeps volumes, unless they name one.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  certManager,
  definePlatform,
  distribution,
  embedded,
  flux,
  harbor,
  Platform,
  prometheus,
  vault,
  victoriaLogs,
} from "../../../components/index.ts";
import { type Declared, record } from "./recorder.ts";

process.env.PLUMBLINE_KUBECONFIG = import.meta.filename;
const settings = {
  name: "p",
  git: { url: "http://git.example/p.git", branch: "trunk" },
  cluster: embedded(),
  apps: [],
};
const retaining = "local-path-retain";

/** Class of each claim, by the name of the set that makes it. */
const classes = (declared: readonly Declared[]): Record<string, string> =>
  Object.fromEntries(
    declared.flatMap(({ inputs }) => {
      const claim = inputs.kind === "PersistentVolumeClaim" ? inputs : inputs.spec?.volumeClaimTemplates?.[0];
      return claim ? [[inputs.metadata.name, claim.spec.storageClassName]] : [];
    }),
  );

const declared = await record(
  () =>
    new Platform(
      definePlatform(settings, {
        agent: flux(),
        certificates: certManager({}),
        registry: distribution({ host: "registry.example.com" }),
        secrets: vault({}),
        metrics: prometheus({ storageClass: "fast" }),
        logs: victoriaLogs({}),
      }),
    ),
);

test("the class that keeps is used by every layer with data that names none", () => {
  assert.deepEqual(classes(declared), {
    vault: retaining,
    registry: retaining,
    "victoria-logs": retaining,
    prometheus: "fast",
    alertmanager: "fast",
  });
});

test("it has the reclaim policy Retain, and is not the default", () => {
  const found = declared.filter(({ type }) => type.endsWith(":StorageClass")).map(({ inputs }) => inputs);
  const kept = found.find(({ metadata }) => metadata.name === retaining);
  assert.equal(kept.reclaimPolicy, "Retain");
  assert.equal(kept.metadata.annotations["storageclass.kubernetes.io/is-default-class"], undefined);
  assert.equal(found.length, 2);
});

test("Harbor keeps images and what runs beside it there too", async () => {
  const charts = await record(
    () =>
      new Platform(
        definePlatform(settings, {
          agent: flux(),
          certificates: certManager({}),
          registry: harbor({ host: "registry.example.com", volumes: { redis: "2Gi" } }),
        }),
      ),
  );
  assert.equal(classes(charts).registry ?? Object.values(classes(charts))[0], retaining);
  const { values } = charts.find(({ type }) => type.endsWith(":Chart"))?.inputs ?? assert.fail("no chart");
  const { database, redis, trivy } = values.persistence.persistentVolumeClaim;
  for (const { storageClass } of [database, redis, trivy]) assert.equal(storageClass, retaining);
  assert.equal(redis.size, "2Gi");
});
