// How does an ACME server become the issuer of the platform, and which wishes can it not fulfil?
import type { Problem } from "../problems.ts";
import type { AcmeArgs } from "./cert-manager.ts";

/** Let's Encrypt's production server; its staging server is https://acme-staging-v02.api.letsencrypt.org/directory. */
const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory";

/** The spec of a ClusterIssuer that orders from an ACME server. */
export const issuerSpec = ({ email, server = letsEncrypt, http01, route53 }: AcmeArgs): Record<string, unknown> => ({
  acme: {
    email,
    server,
    privateKeySecretRef: { name: "plumbline-acme-account" },
    solvers: [
      http01
        ? {
            http01: {
              ingress: {
                class: http01.ingressClass,
                // The pods that answer keep to Pod Security restricted, as every pod of an app's namespace must.
                podTemplate: { metadata: { labels: { "app.kubernetes.io/name": "acme-solver" } } },
              },
            },
          }
        : {
            dns01: {
              route53: {
                region: route53?.region,
                ...(route53?.hostedZone && { hostedZoneID: route53.hostedZone }),
                ...(route53?.role && { role: route53.role }),
              },
            },
          },
    ],
  },
});

/** What is wrong with the wish for an ACME server. */
export const issuerProblems = (acme: AcmeArgs | undefined): Problem[] => {
  if (!acme) return [];
  const problems: Problem[] = [];
  const { email, server = letsEncrypt, http01, route53 } = acme;
  if (!/^[^@\s]+@[^@\s]+$/.test(email))
    problems.push({ field: "acme.email", value: email, allowed: "an e-mail address" });
  if (!/^https:\/\/\S+$/.test(server))
    problems.push({ field: "acme.server", value: server, allowed: "a URL with https" });
  if ((http01 === undefined) === (route53 === undefined)) {
    problems.push({
      field: "acme",
      value: http01 ? "http01 and route53" : "neither http01 nor route53",
      allowed: "one of http01 and route53, by which the server is shown who owns a name",
    });
  }
  if (http01 && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(http01.ingressClass)) {
    problems.push({
      field: "acme.http01.ingressClass",
      value: http01.ingressClass,
      allowed: "name of an IngressClass",
    });
  }
  if (route53 && !/^[a-z]{2}(-[a-z]+)+-\d$/.test(route53.region)) {
    problems.push({ field: "acme.route53.region", value: route53.region, allowed: 'an AWS region, as "eu-central-1"' });
  }
  if (route53?.role && !/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(route53.role)) {
    problems.push({ field: "acme.route53.role", value: route53.role, allowed: "ARN of an IAM role" });
  }
  return problems;
};
