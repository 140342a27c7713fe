import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** The operating-system user that runs the server. null: the one that runs Nocturne. Postgres refuses to run as root. */
export type Account = { readonly name: string; readonly uid: number; readonly gid: number } | null;

/** For root: the user `postgres` where there is one, else `nobody`. No user is ever created. */
export async function serverAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return null;
  const lines = (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n");
  const users = lines.map((line) => line.split(":"));
  for (const name of ["postgres", "nobody"]) {
    const user = users.find((fields) => fields[0] === name);
    const [uid, gid] = [Number(user?.[2]), Number(user?.[3])];
    if (user !== undefined && uid > 0 && gid >= 0) return { name, uid, gid };
  }
  return { name: "65534", uid: 65_534, gid: 65_534 };
}

/** Whether `account` may pass through `folder` and every folder above it. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  if (account === null) return true;
  for (let at = folder; ; at = dirname(at)) {
    if (!(await allows(account, at, 0o1))) return false;
    if (at === dirname(at)) return true;
  }
}

/** Whether `account` may reach `path` and read it. */
export async function canRead(account: Account, path: string): Promise<boolean> {
  return account === null || ((await allows(account, path, 0o4)) && (await canEnter(account, dirname(path))));
}

async function allows(account: NonNullable<Account>, path: string, bits: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (found === null) return false;
  const shift = found.uid === account.uid ? 6 : found.gid === account.gid ? 3 : 0;
  const wanted = found.isDirectory() ? bits | 0o1 : bits;
  return ((found.mode >> shift) & wanted) === wanted;
}
