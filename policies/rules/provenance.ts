// Does what is deployed stand in Git, where everybody can see it?
import type { SetRule } from "../rule.ts";

export default {
  id: "provenance",
  title: "What is deployed is a commit on the declared branch of the declared remote, without local changes",
  why: "What is only on somebody's disk cannot be reviewed, repeated or found again; the next deployment from Git takes it away.",
  enforcement: "advisory",
  scope: "set",
  source: "https://slsa.dev/spec/v1.0/threats",
  wayOut: "Commit, push to the branch and deploy from there",
} satisfies SetRule;
