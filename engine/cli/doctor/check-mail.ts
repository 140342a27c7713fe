import { connect as connectPlain } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Config } from "../../config.ts";
import { ERRORS } from "../../core/errors.ts";
import type { MailRoute } from "../app.ts";
import type { Finding } from "./checks.ts";

const PATIENCE_MS = 5_000;

/** Whether the mail server greets; no login and no mail is sent. Without one: where mails go instead. */
export async function checkMail({ smtpUrl }: Config, route: MailRoute): Promise<Finding> {
  const what = "Mail";
  if (route.kind === "inbox") return { what, state: "ok", message: `no SMTP_URL: mails go to ${route.folder}` };
  if (smtpUrl === null) {
    return { what, state: "warning", message: "no SMTP_URL: mails wait", advice: ERRORS.MAIL_NOT_CONFIGURED };
  }
  const { hostname, port, protocol } = new URL(smtpUrl);
  const isTls = protocol === "smtps:";
  const host = hostname.replace(/^\[|\]$/g, "");
  const at = { host, port: Number(port) || (isTls ? 465 : 587) };
  try {
    return { what, state: "ok", message: `${at.host}:${at.port} greets: ${await greeting(at, isTls)}` };
  } catch (error) {
    const message = `no mail server at ${at.host}:${at.port}: ${(error as Error).message}`;
    return { what, state: "missing", message, advice: ERRORS.MAIL_UNREACHABLE };
  }
}

function greeting(at: { readonly host: string; readonly port: number }, isTls: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = isTls ? connectTls({ ...at, servername: at.host }) : connectPlain(at);
    let said = "";
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error("no answer")));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("it closed the connection")));
    socket.on("data", (data: Buffer) => {
      said += data.toString("latin1");
      if (!said.includes("\n")) return;
      const [line = ""] = said.split(/\r?\n/);
      socket.end("QUIT\r\n");
      if (line.startsWith("220")) resolve(line.slice(4, 80));
      else reject(new Error(`it does not greet as a mail server: ${line.slice(0, 80)}`));
    });
  });
}
