// Who may see the dashboards, and as what? People of an identity provider, by the groups that it names.
import { z } from "zod";
import { type SecretKeyArgs, secretKey, url } from "../check.ts";

/** People come by OpenID Connect. */
export interface GrafanaOidcArgs {
  /** What the button says: "Sign in with <name>". Default: "OpenID Connect". */
  name?: string;
  /** Grafana's name at the provider. */
  clientId: string;
  /** Holds what Grafana proves that name with. */
  clientSecret: SecretKeyArgs;
  /** URL at which people sign in: `authorization_endpoint` of the provider's discovery document. */
  authorizationUrl: string;
  /** URL that gives tokens: `token_endpoint`. */
  tokenUrl: string;
  /** URL that says who it is: `userinfo_endpoint`. */
  userUrl: string;
  /** What is asked for beside "openid", "profile" and "email"; many providers give groups by a scope of that name. Default: none. */
  scopes?: string[];
  /** Claim with the groups of a person. Default: "groups". */
  groupsClaim?: string;
  /** Groups whose people may do everything. Default: none. */
  admins?: string[];
  /** Groups whose people may change dashboards that Git does not declare. Default: none. */
  editors?: string[];
  /** Groups whose people may look; others are refused. Default: everybody whom the provider knows. */
  viewers?: string[];
}

// They stand in quotes within an expression, in a file that has a key on each line.
const group = z.string().regex(/^[^'"\\\n{}]+$/, "a group, without quotes, braces and backslashes");

/** Schema of {@link GrafanaOidcArgs}. */
export const oidcSchema = z.strictObject({
  name: group.exactOptional(),
  clientId: z.string().regex(/^[^\s{}]+$/, "the name that the provider knows"),
  clientSecret: secretKey,
  authorizationUrl: url,
  tokenUrl: url,
  userUrl: url,
  scopes: z.array(z.string().regex(/^[^\s{}]+$/, "a scope")).exactOptional(),
  groupsClaim: z
    .string()
    .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "a claim of a-z, 0-9 and _")
    .exactOptional(),
  admins: z.array(group).exactOptional(),
  editors: z.array(group).exactOptional(),
  viewers: z.array(group).exactOptional(),
}) satisfies z.ZodType<GrafanaOidcArgs>;

/** JMESPath by which Grafana finds the role of a person; no role is a refusal. */
export const roleOf = ({ groupsClaim = "groups", admins = [], editors = [], viewers }: GrafanaOidcArgs): string =>
  [
    ...[
      { groups: admins, role: "Admin" },
      { groups: editors, role: "Editor" },
      { groups: viewers ?? [], role: "Viewer" },
    ].flatMap(({ groups, role }) => groups.map((each) => `contains(${groupsClaim}[*], '${each}') && '${role}'`)),
    ...(viewers ? [] : ["'Viewer'"]),
  ].join(" || ");

/** The section `auth.generic_oauth` of Grafana's configuration. @param secretFile file that holds the client's secret */
export const oidcSection = (oidc: GrafanaOidcArgs, secretFile: string) => ({
  enabled: true,
  name: oidc.name ?? "OpenID Connect",
  client_id: oidc.clientId,
  client_secret: `$__file{${secretFile}}`,
  auth_url: oidc.authorizationUrl,
  token_url: oidc.tokenUrl,
  api_url: oidc.userUrl,
  scopes: ["openid", "profile", "email", ...(oidc.scopes ?? [])].join(" "),
  use_pkce: true,
  allow_sign_up: true,
  role_attribute_path: roleOf(oidc),
  role_attribute_strict: true,
});
