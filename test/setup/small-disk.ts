import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of a test's own that can be filled to the last byte. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** null: this machine does not let us mount one (it takes root). */
  static mount(megabytes: number): SmallDisk | null {
    const folder = mkdtempSync(join(tmpdir(), "nocturne-disk-"));
    const options = `size=${megabytes}m,mode=755`;
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
    if (mounted.status === 0) return new SmallDisk(folder);
    rmdirSync(folder);
    return null;
  }

  fill(): void {
    const file = openSync(this.filling, "w");
    try {
      for (let size = 1 << 20; size >= 1;) {
        try {
          writeSync(file, Buffer.alloc(size));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
          size >>= 1;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  makeRoom(): void {
    rmSync(this.filling);
  }

  unmount(): void {
    const unmounted = spawnSync("umount", [this.folder], { encoding: "utf8" });
    if (unmounted.status !== 0) throw new Error(`umount: ${unmounted.stderr}`);
    rmdirSync(this.folder);
  }

  private get filling(): string {
    return join(this.folder, "filling");
  }
}
