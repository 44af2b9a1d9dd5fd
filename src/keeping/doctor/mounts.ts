/** The file system that a directory lies on, by the list of mounts, and the verdict on it. */

export interface Mount {
  readonly point: string;
  readonly type: string;
  readonly source: string;
  /** Those of the mount and those of its file system. */
  readonly options: readonly string[];
}

/**
 * The mount that `path` lies in, by the lines of /proc/self/mountinfo:
 * `36 35 98:0 /root /mnt rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue`. Of several at one point the last
 * one counts: it hides the others.
 */
export function mountOf(path: string, mountinfo: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of mountinfo.split("\n")) {
    const [before = "", behind] = line.split(" - ");
    if (behind === undefined) continue;
    const [, , , , point = "", own = ""] = before.split(" ").map(unescaped);
    const [type = "", source = "", rest = ""] = behind.split(" ").map(unescaped);
    if (!isWithin(path, point) || point.length < (found?.point.length ?? 0)) continue;
    found = { point, type, source, options: [...own.split(","), ...rest.split(",")] };
  }
  return found;
}

/** Spaces and the like are written as three octal digits. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => {
    return String.fromCharCode(Number.parseInt(digits, 8));
  });
}

function isWithin(path: string, point: string): boolean {
  return point === "/" || path === point || path.startsWith(`${point}/`);
}

/** How far something is fit; `unknown`: this system does not tell. */
export type Level = "good" | "poor" | "bad" | "unknown";

interface Kind {
  readonly types: RegExp;
  readonly level: Level;
  readonly say: string;
}

/** The first row that fits decides. */
export const fileSystems: readonly Kind[] = [
  {
    types: /^(tmpfs|ramfs|devtmpfs|hugetlbfs)$/,
    level: "bad",
    say: "it is memory, and nothing on it outlives a restart: use a disk",
  },
  {
    types: /^(nfs\d?|cifs|smb\d?|smbfs|afs|ncpfs)$/,
    level: "bad",
    say: "it is another machine's, whose locks and flushes cannot be relied on: use a local disk",
  },
  {
    types: /^overlay$/,
    level: "poor",
    say: "it is the layer of a container and goes with the container: give the store a volume",
  },
  {
    types: /^(fuse|fuseblk|fuse\..*|9p|virtiofs)$/,
    level: "poor",
    say: "its flushes are those of a program or of a host, which may keep them or not",
  },
  { types: /^ext2$/, level: "poor", say: "it has no journal: names may be lost in a power cut" },
  { types: /^(ext[34]|xfs|btrfs|zfs|f2fs|bcachefs|jfs)$/, level: "good", say: "" },
  { types: /./, level: "unknown", say: "nothing is known of this type" },
];

interface Option {
  readonly option: RegExp;
  readonly say: string;
}

/** Options with which no store is safe. */
const badOptions: readonly Option[] = [
  { option: /^ro$/, say: "it is mounted for reading alone" },
  {
    option: /^(nobarrier|barrier=0|nobh)$/,
    say: "its flushes do not reach the disk: mount it without this option",
  },
];

/** The verdict on a mount. */
export function judgeMount({ type, options }: Mount): {
  readonly level: Level;
  readonly say: string;
} {
  for (const { option, say } of badOptions) {
    const found = options.find((each) => option.test(each));
    if (found !== undefined) return { level: "bad", say: `${found}: ${say}` };
  }
  const kind = fileSystems.find(({ types }) => types.test(type));
  return { level: kind?.level ?? "unknown", say: kind?.say ?? "" };
}
