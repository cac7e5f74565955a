// Which regions of AWS are there, and in which of their zones can a cluster stand?

// Letters of zones, as a new account sees them. Names are of the account: where one of them takes no control plane (AWS
// lists the zones' identifiers), a stack names others.
const regions: Readonly<Record<string, string>> = {
  "af-south-1": "abc",
  "ap-east-1": "abc",
  "ap-east-2": "abc",
  "ap-northeast-1": "acd",
  "ap-northeast-2": "abcd",
  "ap-northeast-3": "abc",
  "ap-south-1": "abc",
  "ap-south-2": "abc",
  "ap-southeast-1": "abc",
  "ap-southeast-2": "abc",
  "ap-southeast-3": "abc",
  "ap-southeast-4": "abc",
  "ap-southeast-5": "abc",
  "ap-southeast-7": "abc",
  "ca-central-1": "abd",
  "ca-west-1": "abc",
  "cn-north-1": "abd",
  "cn-northwest-1": "abc",
  "eu-central-1": "abc",
  "eu-central-2": "abc",
  "eu-north-1": "abc",
  "eu-south-1": "abc",
  "eu-south-2": "abc",
  "eu-west-1": "abc",
  "eu-west-2": "abc",
  "eu-west-3": "abc",
  "il-central-1": "abc",
  "me-central-1": "abc",
  "me-south-1": "abc",
  "mx-central-1": "abc",
  "sa-east-1": "abc",
  "us-east-1": "abcdf",
  "us-east-2": "abc",
  "us-gov-east-1": "abc",
  "us-gov-west-1": "abc",
  // Two zones for most accounts: too few.
  "us-west-1": "ac",
  "us-west-2": "abcd",
};

/** Names of the regions. */
export const regionNames: readonly string[] = Object.keys(regions);

/** Names of a region's zones: "eu-central-1a". */
export const zonesOf = (region: string): string[] => [...(regions[region] ?? "")].map((letter) => `${region}${letter}`);

/** First part of the ARNs of a region: "aws", "aws-cn" or "aws-us-gov". */
export const partitionOf = (region: string): string =>
  region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
