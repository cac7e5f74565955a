// Is the cluster what Git says? Commits, deliveries, changes past Git, and the agent itself.
import { grown } from "../metrics/metrics.ts";
import type { DashboardArgs } from "./board.ts";

const drifted = (window: string): string => `${grown("drift", window)} + ${grown("drift-scale", window)}`;

const controllers = 'controller=~"gitrepository|kustomization"';

/** The dashboard of what comes from Git. */
export const gitopsBoard: DashboardArgs = {
  name: "plumbline-gitops",
  title: "GitOps",
  description:
    "Commits, deliveries, failures and changes past Git, counted by the API server; and how the agent keeps up.",
  rows: [
    {
      title: "In the time shown",
      panels: [
        {
          title: "Commits fetched",
          kind: "stat",
          width: 5,
          queries: [{ expr: grown("commit", "$__range") }],
        },
        {
          title: "Commits delivered",
          description: "A commit counts once for each app that it was applied to.",
          kind: "stat",
          width: 5,
          queries: [{ expr: grown("delivery", "$__range") }],
        },
        {
          title: "Tries that failed",
          description: "`plumbline status` names the app, the file and the reason.",
          kind: "stat",
          width: 5,
          queries: [{ expr: grown("delivery-failed", "$__range") }],
          thresholds: [{ from: 1, color: "orange" }],
        },
        {
          title: "Changes past Git",
          description:
            "Somebody else wrote what the agent delivers; the agent takes it back. `plumbline drift` says who and what.",
          kind: "stat",
          width: 5,
          queries: [{ expr: drifted("$__range") }],
          thresholds: [{ from: 1, color: "red" }],
        },
        {
          title: "Apps",
          description: "Deliveries that the agent knows.",
          kind: "stat",
          width: 4,
          queries: [
            {
              expr: 'count(count by (exported_namespace, name) (gotk_reconcile_duration_seconds_count{kind="Kustomization"}))',
            },
          ],
        },
      ],
    },
    {
      title: "From Git to the cluster",
      panels: [
        {
          title: "Commits and deliveries",
          queries: [
            { expr: grown("commit", "$__interval"), legend: "fetched" },
            { expr: grown("delivery", "$__interval"), legend: "delivered" },
          ],
        },
        {
          title: "Failures and changes past Git",
          queries: [
            { expr: grown("delivery-failed", "$__interval"), legend: "tries that failed" },
            { expr: drifted("$__interval"), legend: "changes past Git" },
          ],
        },
        {
          title: "Time of a delivery, by app",
          unit: "s",
          queries: [
            {
              expr: 'sum by (exported_namespace, name) (rate(gotk_reconcile_duration_seconds_sum{kind="Kustomization"}[$__rate_interval])) / sum by (exported_namespace, name) (rate(gotk_reconcile_duration_seconds_count{kind="Kustomization"}[$__rate_interval]))',
              legend: "{{ exported_namespace }}/{{ name }}",
            },
          ],
          link: { dashboard: "plumbline-app", variable: "namespace", label: "exported_namespace" },
        },
        {
          title: "Time of a fetch, 95 of 100",
          description: "Over ten minutes: a fetch is a matter of minutes.",
          unit: "s",
          queries: [
            {
              expr: 'histogram_quantile(0.95, sum by (le, name) (rate(gotk_reconcile_duration_seconds_bucket{kind="GitRepository"}[10m])))',
              legend: "{{ name }}",
            },
          ],
        },
      ],
    },
    {
      title: "The agent",
      panels: [
        {
          title: "Tries, by how they ended",
          description:
            "A try that is put off ends as `requeue` or `requeue_after`: that is the interval, not a failure.",
          queries: [
            {
              expr: `sum by (controller, result) (rate(controller_runtime_reconcile_total{${controllers}}[$__rate_interval])) * 60`,
              legend: "{{ controller }} {{ result }}",
            },
          ],
        },
        {
          title: "Waiting for a try",
          description: "More than a few for long: the agent does not keep up.",
          queries: [
            {
              expr: 'sum by (name) (workqueue_depth{name=~"gitrepository|kustomization"})',
              legend: "{{ name }}",
            },
          ],
        },
      ],
    },
    {
      title: "What admission refused",
      panels: [
        {
          title: "Writes refused, by policy",
          description: "Somebody tried to change the cluster past Git, or what they wrote is against a rule.",
          width: 24,
          queries: [
            {
              expr: 'sum by (policy) (rate(apiserver_validating_admission_policy_check_total{enforcement_action="deny"}[$__rate_interval])) * 60 or vector(0)',
              legend: "{{ policy }}",
            },
          ],
        },
      ],
    },
  ],
};
