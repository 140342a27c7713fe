import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canEnter, serverAccount, type Account } from "./account.ts";

/** Where the server's files are and who it runs as. */
export interface Place {
  readonly account: Account;
  /** Holds the cluster of this home. */
  readonly base: string;
  /** Holds copies of the programs, where they are needed. */
  readonly shelf: string;
}

/**
 * <home>/postgres; for root, when the account that runs the server may not enter home, a folder of this home's own below
 * /var/lib/nocturne (or the temporary folder), remembered in <home>/postgres.json. `home` is a real path.
 */
export async function findPlace(home: string): Promise<Place> {
  const inside = join(home, "postgres");
  const account = await accountFor(join(inside, "cluster/data"));
  if (await canEnter(account, home)) {
    await makeFolder(inside);
    return { account, base: inside, shelf: account === null ? inside : await outside() };
  }
  const note = join(home, "postgres.json");
  const shelf = await outside();
  const base =
    (await readNote(note, home)) ?? join(shelf, createHash("sha256").update(home).digest("hex").slice(0, 16));
  await makeFolder(base);
  await writeFile(note, `${JSON.stringify({ home, base })}\n`);
  return { account, base, shelf };
}

/** A cluster made by an ordinary user and now started by root goes on belonging to that user. */
async function accountFor(data: string): Promise<Account> {
  const account = await serverAccount();
  const found = account === null ? null : await stat(data).catch(() => null);
  if (found === null || found.uid === 0 || found.uid === account?.uid) return account;
  return { name: String(found.uid), uid: found.uid, gid: found.gid };
}

/** A folder of root's own that everyone may enter. */
async function outside(): Promise<string> {
  for (const folder of ["/var/lib/nocturne", join(tmpdir(), "nocturne")]) {
    try {
      await makeFolder(folder);
      // Somebody else's folder of that name in a shared temporary folder is not trusted.
      if ((await stat(folder)).uid === process.getuid?.()) return folder;
    } catch {
      // not writable here: the next one
    }
  }
  return mkdtemp(join(tmpdir(), "nocturne-")).then(makeFolder);
}

/** Made whatever the umask says: the account must be able to pass through. */
async function makeFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  if ((await stat(folder)).uid === process.getuid?.()) await chmod(folder, 0o755);
  return folder;
}

/** The note counts only where it was written: a copied home gets a server of its own. */
async function readNote(path: string, home: string): Promise<string | null> {
  try {
    const note = JSON.parse(await readFile(path, "utf8")) as { home?: unknown; base?: unknown };
    return note.home === home && typeof note.base === "string" ? note.base : null;
  } catch {
    return null;
  }
}
