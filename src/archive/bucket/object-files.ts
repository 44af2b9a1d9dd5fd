/** The files of objects: large ones go past the system's cache, where it lets them. */
import type { DiskFile } from "../../disk/disk.js";
import type { RealDisk } from "../../disk/real/real.js";
import { DirectFiles, PIECE_BYTES, type Take } from "./direct-files.js";
import { removeFile } from "./folder.js";

export class ObjectFiles {
  readonly #disk: RealDisk;
  readonly #direct = new DirectFiles();

  constructor(disk: RealDisk) {
    this.#disk = disk;
  }

  /** A new file, durable when resolved; none where it fails. */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length >= PIECE_BYTES && (await this.#direct.write(path, bytes))) return;
    const file = await this.#disk.create(path);
    try {
      await file.writeDurable(0, [bytes]);
    } catch (cause) {
      await removeFile(path);
      throw cause;
    } finally {
      await file.close();
    }
  }

  /**
   * Gives a file of `size` bytes to `take`, piece by piece, as long as it says yes: whether it always did. It may begin
   * again.
   */
  async pieces(file: DiskFile, size: number, take: Take): Promise<boolean> {
    if (size >= PIECE_BYTES) {
      const taken = await this.#direct.read(file.path, size, take);
      if (taken !== undefined) return taken;
    }
    const room = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size));
    for (let at = 0; at < size; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, size - at);
      const piece = await file.read(at, length, room);
      if (piece.length < length || !take(piece, at)) return false;
    }
    return true;
  }
}
