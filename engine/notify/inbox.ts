import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import type { DeliveryResult } from "../core/notify/delivery.ts";
import { addressProblem, messageOf, type MailDelivery, type OutgoingMail } from "./mail.ts";

/**
 * Mails as files, one `<message id>.eml` each, where no server is named: `folder` is an inbox that any mail program opens.
 * A file is there whole or not at all, and a repeat replaces it.
 */
export function inboxDelivery({ folder, from }: { readonly folder: string; readonly from: string }): MailDelivery {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  return {
    deliver: async (mail) => {
      const problem = addressProblem(mail);
      if (problem) return problem;
      const { message } = await transport.sendMail(messageOf(mail, from));
      const file = join(folder, fileName(mail));
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await write(file, message as Buffer);
        return { kind: "accepted", response: `written to ${file}` };
      } catch (error) {
        return unwritten(error as NodeJS.ErrnoException);
      }
    },
    close: async () => undefined,
  };
}

const FILE_NAME_MAX = 200;

/** The message id, with "%2F" and the like for what a file name must not hold. */
function fileName({ messageId }: OutgoingMail): string {
  const safe = messageId.replace(/[^A-Za-z0-9._@+=-]|^\./gu, (char) => encodeURIComponent(char).replace(/^\.$/, "%2E"));
  if (safe.length <= FILE_NAME_MAX) return `${safe}.eml`;
  return `${safe.slice(0, FILE_NAME_MAX - 17)}-${createHash("sha256").update(messageId).digest("hex").slice(0, 16)}.eml`;
}

async function write(file: string, bytes: Buffer): Promise<void> {
  const beside = `${file}.${randomUUID()}.part`;
  try {
    const handle = await open(beside, "wx", 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

function unwritten({ code, message }: NodeJS.ErrnoException): DeliveryResult {
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return { kind: "retry", reason: "unreachable", code: isFull ? "DISK_FULL" : "HOME_UNUSABLE", response: message };
}
