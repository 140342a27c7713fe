/** A service as nocturne.yaml names its endpoint. */
export type Service = "s3" | "glue" | "emr" | "redshift_data" | "athena" | "logs" | "sts";

const PREFIXES: Readonly<Record<Service, string>> = {
  s3: "s3",
  glue: "glue",
  emr: "elasticmapreduce",
  redshift_data: "redshift-data",
  athena: "athena",
  logs: "logs",
  sts: "sts",
};

/** Operations whose permission has another name, and what a call needs beside it. Source: the Service Authorization Reference. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  "s3:HeadObject": ["s3:GetObject"],
  "s3:ListObjectsV2": ["s3:ListBucket"],
  "glue:CreateJob": ["glue:CreateJob", "glue:TagResource", "iam:PassRole"],
  "glue:UpdateJob": ["glue:UpdateJob", "iam:PassRole"],
  "elasticmapreduce:RunJobFlow": ["elasticmapreduce:RunJobFlow", "elasticmapreduce:AddTags", "iam:PassRole"],
};

/** The IAM actions that an operation needs: ["glue:StartJobRun"]. */
export function iamActions(service: Service, operation: string): readonly string[] {
  const action = `${PREFIXES[service]}:${operation}`;
  return OTHERS[action] ?? [action];
}
