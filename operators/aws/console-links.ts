import type { Connection, Link } from "../../engine/core/operator.ts";
import { settingsOf } from "./connection-settings.ts";
import type { Service } from "./iam-actions.ts";

/** Links into the AWS console; none for an endpoint of our own machine, which has no console. */
export function consoleLinks(
  connection: Connection,
  service: Service,
  paths: readonly { readonly label: string; readonly path: string }[],
): Link[] {
  const endpoint = settingsOf(connection).endpoints[service];
  if (endpoint !== undefined && /^(127\.|localhost$|\[::1\])/.test(new URL(endpoint).hostname)) return [];
  const { region } = connection;
  const domain = region.startsWith("cn-")
    ? "console.amazonaws.cn"
    : region.startsWith("us-gov-")
      ? "console.amazonaws-us-gov.com"
      : "console.aws.amazon.com";
  return paths.map(({ label, path }) => ({ label, url: `https://${region}.${domain}/${path}` }));
}
