// What can be done about what an agent says? The agents tell what is wrong; this tells a person where to mend it.

/** What an agent says, in Flux's words or Argo CD's, and what helps; the first that fits counts. */
const ways: readonly (readonly [said: RegExp, wayOut: string])[] = [
  [/ErrImagePull|ImagePullBackOff|InvalidImageName/, "correct the name or tag of the image, or let the nodes pull it"],
  [
    /(secret|configmap) "[^"]*" not found|references non-existent (secret|config) key/,
    "add that Secret or ConfigMap to the app, or ask for the secret in `app({ secrets })`",
  ],
  [/cannot be scheduled/, "let it ask for what a node has, or add such a node"],
  [/CrashLoopBackOff|ended with [1-9]/, "mend what its last lines say; `plumbline logs` has more of them"],
  [
    /no matches for kind|CRD is installed/,
    "have the platform bring the definition of that kind, or leave the object out",
  ],
  [/path not found|no such file or directory|app path does not exist/, "push that folder, or correct source.path"],
  [
    /is forbidden: User "system:serviceaccount:[\w-]+:deployer"/,
    "have the platform bring that object, or leave it out: an app writes what its own namespace may hold",
  ],
  [/exceeded quota/, "ask for less, or have the quota of the namespace raised"],
  [/field is immutable/, "give the object another name, or delete it first"],
  [/values don't meet the specifications/, "correct the values of the app as the schema of its chart wants them"],
  [
    /signature verification of|is not signed|verify commit signature|key is not allowed|made with .* key .* invalid/i,
    "sign it with one of the keys in source.verify, or add the key of whoever signed it to them",
  ],
  [
    /authentication required|unable to authenticate|authentication failed|invalid credentials|permission denied \(publickey|authorization failed/i,
    "correct the credentials of its source: `plumbline pulumi config set --secret`, then `plumbline pulumi up`",
  ],
  [
    /unknown authority|unable to get local issuer|certificate verification failed|self-signed certificate/i,
    "name the authority of the Git server in credentials.ca of its source",
  ],
  [
    /certificate has expired|certificate is valid for|no alternative certificate/i,
    "renew the certificate of the Git server",
  ],
  [
    /knownhosts: key mismatch|host key verification failed|key is unknown|no hostkeyalgorithms/i,
    "compare credentials.knownHosts of its source with what ssh-keyscan prints of the server",
  ],
  [
    /couldn't find remote ref|reference not found|remote repository is empty|unable to resolve '.*' to a commit|no match found for semver/i,
    "push that branch, tag or commit, or name another in source.revision",
  ],
  [/repository not found/i, "correct the URL of the repository, or let its credentials read it"],
  [
    /connection refused|no such host|i\/o timeout|deadline exceeded|no route to host|could not resolve host/i,
    "see that the Git server runs and is reached from the cluster",
  ],
];

/** What helps against a failure; undefined where its own words must do. */
export const wayOutOf = (failure: string): string | undefined => ways.find(([said]) => said.test(failure))?.[1];
