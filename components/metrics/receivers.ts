// Who is told of an alert, and how? Receivers as typed values, and the configuration that Alertmanager reads.
import { dump } from "js-yaml";
import { z } from "zod";
import { duration, type SecretKeyArgs, secretKey, seriesLabels, severity } from "../check.ts";

/** Slack, by an incoming webhook. */
export interface SlackArgs {
  /** Channel or person: "#platform". */
  channel: string;
  /** Holds the URL of the webhook, which is a secret. */
  url: SecretKeyArgs;
}

/** PagerDuty, by its Events API v2. */
export interface PagerDutyArgs {
  /** Holds the integration key. */
  routingKey: SecretKeyArgs;
}

/** Mail, by a server that wants a name and a password. */
export interface EmailArgs {
  /** Address that is written to. */
  to: string;
  /** Address that it comes from. */
  from: string;
  /** The server, as `host:port`: "smtp.example.com:587". */
  server: string;
  /** Name at the server. */
  username: string;
  /** Holds the password at the server. */
  password: SecretKeyArgs;
}

/** A program of one's own that takes Alertmanager's JSON. */
export interface WebhookArgs {
  /** Holds the URL: it often carries a token. */
  url: SecretKeyArgs;
  /** Port of that URL, which is opened for Alertmanager. Default: 443. */
  port?: number;
  /** Holds a token that is sent as `Authorization: Bearer`. Default: none. */
  token?: SecretKeyArgs;
}

/** Somebody who is told: exactly one of `slack`, `pagerDuty`, `email` and `webhook`. */
export interface ReceiverArgs {
  /** Name, unique among the receivers. */
  name: string;
  /** Alerts that it is told of, by severity. Default: "critical" and "warning". */
  severities?: string[];
  /** Alerts that it is told of, by labels they must have: `{ team: "shop" }`. Default: all. */
  labels?: Record<string, string>;
  /** How often it is told again of what still fires, as a Prometheus duration. Default: "4h". */
  repeat?: string;
  /** By Slack. */
  slack?: SlackArgs;
  /** By PagerDuty. */
  pagerDuty?: PagerDutyArgs;
  /** By mail. */
  email?: EmailArgs;
  /** By a program of one's own. */
  webhook?: WebhookArgs;
}

/** How alerts are put together into one message. */
export interface GroupingArgs {
  /** How long the first message waits for others of its group, as a Prometheus duration. Default: "30s". */
  wait?: string;
  /** How long a group's next message waits, as a Prometheus duration. Default: "5m". */
  interval?: string;
}

// What matches no receiver: Alertmanager wants one all the same.
const nobody = "nobody";
const kinds = ["slack", "pagerDuty", "email", "webhook"] as const;
const address = z.string().regex(/^[^\s@]+@[^\s@]+$/, "an address such as ops@example.com");
const port = z.int("a port, 1 to 65535").min(1, "a port, 1 to 65535").max(65535, "a port, 1 to 65535");
const text = z.string().trim().min(1, "a text");

export const receiverSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-zA-Z0-9][-_a-zA-Z0-9]*$/, "a name of a-z, A-Z, 0-9, - and _")
      .refine((name) => name !== nobody, `another name than "${nobody}", which is the receiver of the rest`),
    severities: z.array(severity).min(1, "at least one severity").exactOptional(),
    labels: seriesLabels.exactOptional(),
    repeat: duration.exactOptional(),
    slack: z.strictObject({ channel: text, url: secretKey }).exactOptional(),
    pagerDuty: z.strictObject({ routingKey: secretKey }).exactOptional(),
    email: z
      .strictObject({
        to: address,
        from: address,
        server: z.string().regex(/^[^\s:]+:\d+$/, 'a server such as "smtp.example.com:587"'),
        username: text,
        password: secretKey,
      })
      .exactOptional(),
    webhook: z
      .strictObject({ url: secretKey, port: port.exactOptional(), token: secretKey.exactOptional() })
      .exactOptional(),
  })
  .refine((receiver) => kinds.filter((kind) => receiver[kind]).length === 1, `exactly one of ${kinds.join(", ")}`);

export const groupingSchema = z.strictObject({ wait: duration.exactOptional(), interval: duration.exactOptional() });

/** Folder in which Alertmanager finds the keys of Secrets, a folder for each Secret. */
export const secretsFolder = "/etc/alertmanager/secrets";

const file = ({ name, key }: SecretKeyArgs): string => `${secretsFolder}/${name}/${key}`;

/** The configuration file of Alertmanager; it names files that hold secrets, and no secret. */
export const alertmanagerConfig = (receivers: readonly ReceiverArgs[], grouping: GroupingArgs = {}): string =>
  dump(
    {
      route: {
        receiver: nobody,
        group_by: ["alertname", "namespace"],
        group_wait: grouping.wait ?? "30s",
        group_interval: grouping.interval ?? "5m",
        repeat_interval: "4h",
        routes: receivers.map(({ name, severities = ["critical", "warning"], labels = {}, repeat }) => ({
          receiver: name,
          matchers: [
            `severity=~"${severities.join("|")}"`,
            ...Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`),
          ],
          continue: true,
          ...(repeat && { repeat_interval: repeat }),
        })),
      },
      inhibit_rules: [
        // What is worse and about the same thing says it all.
        {
          source_matchers: ['severity="critical"'],
          target_matchers: ['severity=~"warning|info"'],
          equal: ["alertname", "namespace", "pod", "node"],
        },
        {
          source_matchers: ['alertname="VolumeNearlyFull"'],
          target_matchers: ['alertname="VolumeFilling"'],
          equal: ["namespace", "persistentvolumeclaim"],
        },
        // Nothing on a dead node answers.
        { source_matchers: ['alertname="NodeDown"'], target_matchers: ['alertname="TargetMissing"'], equal: ["node"] },
      ],
      receivers: [{ name: nobody }, ...receivers.map(written)],
    },
    { lineWidth: -1, noRefs: true },
  );

const written = ({ name, slack, pagerDuty, email, webhook }: ReceiverArgs) => ({
  name,
  ...(slack && { slack_configs: [{ api_url_file: file(slack.url), channel: slack.channel, send_resolved: true }] }),
  ...(pagerDuty && { pagerduty_configs: [{ routing_key_file: file(pagerDuty.routingKey), send_resolved: true }] }),
  ...(email && {
    email_configs: [
      {
        to: email.to,
        from: email.from,
        smarthost: email.server,
        auth_username: email.username,
        auth_password_file: file(email.password),
        require_tls: true,
        send_resolved: true,
      },
    ],
  }),
  ...(webhook && {
    webhook_configs: [
      {
        url_file: file(webhook.url),
        send_resolved: true,
        ...(webhook.token && { http_config: { authorization: { credentials_file: file(webhook.token) } } }),
      },
    ],
  }),
});

/** Names of the Secrets that receivers refer to, each once. */
export const secretsOf = (receivers: readonly ReceiverArgs[]): string[] => [
  ...new Set(
    receivers.flatMap(({ slack, pagerDuty, email, webhook }) =>
      [slack?.url, pagerDuty?.routingKey, email?.password, webhook?.url, webhook?.token].flatMap((key) =>
        key ? [key.name] : [],
      ),
    ),
  ),
];

/** Ports at which receivers are reached, each once. */
export const portsOf = (receivers: readonly ReceiverArgs[]): number[] => [
  ...new Set(
    receivers.map(({ email, webhook }) => (email ? Number(email.server.split(":")[1]) : (webhook?.port ?? 443))),
  ),
];
