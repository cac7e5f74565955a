// A stranger's program that installs charts: what it installs, and from where, is in `CHARTS`, JSON of its test.
import * as k8s from "@pulumi/kubernetes";
import { charts, IngressNginx, type IngressNginxArgs, type VendorChartArgs } from "../../components/index.ts";

interface Asked {
  readonly from: VendorChartArgs;
  readonly ingressNginx: IngressNginxArgs;
  /** Puts a value into the chart that nobody knows before the program has run. */
  readonly unknown?: boolean;
}

const { from, ingressNginx, unknown }: Asked = JSON.parse(process.env.CHARTS ?? "");

const later = new k8s.core.v1.Namespace("later");
new IngressNginx(
  "ingress",
  { ...ingressNginx, chart: from },
  unknown ? { transform: { values: (values) => ({ ...values, later: { id: later.id } }) } } : {},
);

export const pinned = charts["ingress-nginx"].version;
