import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { NocturneError } from "../core/errors.ts";

/** Makes the folder where Nocturne keeps its files. Throws HOME_UNUSABLE when this user cannot write there, or DISK_FULL. */
export async function makeHome(home: string): Promise<void> {
  try {
    await mkdir(home, { recursive: true });
    await access(home, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw new NocturneError(
      { code: full ? "DISK_FULL" : "HOME_UNUSABLE", message: `${home} cannot be used: ${message}` },
      { cause: error },
    );
  }
}
