// A stranger's program that installs charts: from where, and with what beside the arguments, is in `CHARTS`, JSON of its test.
import * as k8s from "@pulumi/kubernetes";
import {
  CertManager,
  ExternalSecrets,
  Fluentd,
  Grafana,
  IngressNginx,
  Traefik,
  type VendorChartArgs,
} from "../../components/index.ts";
import * as cases from "../chart-cases.ts";

interface Asked {
  /** Source of the chart by its name; a layer whose chart is not there is not declared. */
  readonly from: Readonly<Record<string, VendorChartArgs>>;
  /** Puts a value into the chart of ingress-nginx that nobody knows before the program has run. */
  readonly unknown?: boolean;
}

const { from, unknown }: Asked = JSON.parse(process.env.CHARTS ?? "");
const {
  fluentd,
  grafana,
  traefik,
  "ingress-nginx": nginx,
  "external-secrets": secrets,
  "cert-manager": certificates,
} = from;

const later = new k8s.core.v1.Namespace("later");
if (nginx) {
  new IngressNginx(
    "ingress",
    { ...cases.ingressNginx, chart: nginx },
    unknown ? { transform: { values: (values) => ({ ...values, later: { id: later.id } }) } } : {},
  );
}
if (secrets) new ExternalSecrets("secrets", { ...cases.externalSecrets, chart: secrets });
if (fluentd) new Fluentd("collector", { ...cases.fluentd, chart: fluentd });
if (grafana) new Grafana("dashboards", { ...cases.grafana, chart: grafana });
if (traefik) new Traefik("traefik", { ...cases.traefik, chart: traefik });
if (certificates) new CertManager("certificates", { ...cases.certManager, chart: certificates });
